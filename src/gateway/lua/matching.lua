-- Which entry of the routes a request matches. Entries are lists: order, name of the rule, type of the path, path, method, headers, query.

local regexes = new_cache(2000)

-- Whole texts, as `\A` and `\z` say. PCRE's own limit lets an expression keep a thread busy for 50 ms with each request, ours for half of one.
-- An expression that is none matches nothing.
local function regex_of(pattern)
  local regex = regexes.get(pattern)
  if regex == nil then
    local is_fine, made = Regex.new("(*LIMIT_MATCH=100000)\\A(?:" .. pattern .. ")\\z", true)
    regex = regexes.put(pattern, is_fine and made or false)
  end
  return regex
end

local function matches_regex(pattern, text)
  local regex = regex_of(pattern)
  return regex and regex:exec(text) or false
end

-- The whole text, then what each group caught.
local function captures_of(pattern, text)
  local regex = regex_of(pattern)
  if not regex then return {} end
  local is_match, caught = regex:match(text)
  return is_match and caught or {}
end

local function matches_value(kind, wanted, text)
  if text == nil then return false end
  if kind == "regex" then return matches_regex(wanted, text) end
  return wanted == text
end

local function url_decoded(text)
  return (text:gsub("+", " "):gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

-- Of a name that comes several times the first one counts.
local function query_of(txn)
  local values = {}
  for pair in (txn.f:query() or ""):gmatch("[^&]+") do
    local name, value = pair:match("^([^=]*)=?(.*)$")
    name = url_decoded(name)
    if values[name] == nil then values[name] = url_decoded(value) end
  end
  return values
end

-- A header that comes several times is one with all its values (RFC 9110 5.3).
local function headers_of(txn)
  local joined = {}
  for name, values in pairs(txn.http:req_get_headers()) do
    local list = {}
    for i = 0, #values do list[#list + 1] = values[i] end
    joined[name] = table.concat(list, ",")
  end
  return joined
end

local function all_match(conditions, values)
  for _, condition in ipairs(conditions) do
    if not matches_value(condition[1], condition[3], values[condition[2]]) then return false end
  end
  return true
end

-- What a request says, read when it is first asked for.
local function new_request(txn, path)
  local headers, query
  return {
    path = path,
    method = txn.f:method(),
    headers = function()
      headers = headers or headers_of(txn)
      return headers
    end,
    query = function()
      query = query or query_of(txn)
      return query
    end,
  }
end

local function matches_entry(entry, request)
  if entry[5] ~= "" and entry[5] ~= request.method then return false end
  if entry[3] == "regex" and not matches_regex(entry[4], request.path) then return false end
  if #entry[6] > 0 and not all_match(entry[6], request.headers()) then return false end
  return #entry[7] == 0 or all_match(entry[7], request.query())
end

-- Two lists in their order are walked as one.
local function first_match(some, others, request)
  local i, j = 1, 1
  while some[i] or others[j] do
    local entry
    if others[j] == nil or (some[i] and tonumber(some[i][1]) < tonumber(others[j][1])) then
      entry, i = some[i], i + 1
    else
      entry, j = others[j], j + 1
    end
    if matches_entry(entry, request) then return entry end
  end
  return nil
end

-- The table of a host whose labels the configuration has not all taken off.
local function deep_table(port, host)
  local rest = host
  while true do
    local dot = rest:find(".", 1, true)
    if dot == nil then break end
    rest = rest:sub(dot + 1)
    local found = maps.hosts:lookup(port .. "|*." .. rest)
    if found then return found end
  end
  return maps.hosts:lookup(port .. "|*")
end

-- The entry that takes the request, or the backend where that is all there is to say. Tables are asked from the most to the less specific one.
local function find_entry(key, request)
  while key and key ~= "" and key ~= "-" do
    local target = maps.exact:lookup(key .. "|" .. request.path)
      or maps.prefix:lookup(key .. "|" .. request.path .. "/")
    local text = maps.more:lookup(key)
    local more = text and decode(text) or { "", "" }
    local regexes_of_table = more[2] ~= "" and tree_of(more[2]) or {}
    local listed = target and target:sub(1, 1) == "=" and tree_of(target:sub(2)) or {}
    if target and target:sub(1, 1) == "b" then return nil, target end
    local entry = first_match(listed, regexes_of_table, request)
    if entry then return entry, nil end
    key = more[1]
  end
  return nil, nil
end
