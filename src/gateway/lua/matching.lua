-- Which entry of the routes a request matches.

-- Entries are written as lists: order, name of the rule, type of the path, path, method, headers, query. Undefined is what asks for nothing.
local list_of = new_reader(5000, function(tree)
  local function conditions(list) return #list > 0 and list or nil end
  local entries = {}
  for i, it in ipairs(tree) do
    entries[i] = {
      order = tonumber(it[1]), rule = it[2], path_type = it[3], path = it[4],
      method = it[5] ~= "" and it[5] or nil, headers = conditions(it[6]), query = conditions(it[7]),
    }
  end
  return entries
end)

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
local function parsed_query(text)
  local values = {}
  for pair in text:gmatch("[^&]+") do
    local name, value = pair:match("^([^=]*)=?(.*)$")
    name = url_decoded(name)
    if values[name] == nil then values[name] = url_decoded(value) end
  end
  return values
end

-- What a request says, read when it is first asked for and no more of it than that: to ask HAProxy costs more than all that is done here with the answer.
local function path_of(request)
  local path = request.path or request.txn:get_var("txn.path") or ""
  request.path = path
  return path
end

local function method_of(request)
  local method = request.method or request.txn.f:method()
  request.method = method
  return method
end

-- A header that comes several times is one with all its values (RFC 9110 5.3).
local function header_of(request, name)
  local f = request.txn.f
  local last = f:req_fhdr(name)
  if last == nil then return nil end
  local count = f:req_fhdr_cnt(name)
  if count == 1 then return last end
  local values = {}
  for i = 1, count do values[i] = f:req_fhdr(name, i) end
  return table.concat(values, ",")
end

local function query_of(request)
  local query = request.query or parsed_query(request.txn.f:query() or "")
  request.query = query
  return query
end

local function all_headers_match(conditions, request)
  for _, condition in ipairs(conditions) do
    if not matches_value(condition[1], condition[3], header_of(request, condition[2])) then return false end
  end
  return true
end

local function all_parameters_match(conditions, request)
  local query = query_of(request)
  for _, condition in ipairs(conditions) do
    if not matches_value(condition[1], condition[3], query[condition[2]]) then return false end
  end
  return true
end

local function matches_entry(entry, request)
  if entry.method and entry.method ~= method_of(request) then return false end
  if entry.path_type == "regex" and not matches_regex(entry.path, path_of(request)) then return false end
  if entry.headers and not all_headers_match(entry.headers, request) then return false end
  return entry.query == nil or all_parameters_match(entry.query, request)
end

-- Two lists in their order are walked as one.
local function first_match(some, others, request)
  local i, j = 1, 1
  while some[i] or others[j] do
    local entry
    if others[j] == nil or (some[i] and some[i].order < others[j].order) then
      entry, i = some[i], i + 1
    else
      entry, j = others[j], j + 1
    end
    if matches_entry(entry, request) then return entry end
  end
  return nil
end

-- What the hosts say of a name whose labels are taken off one by one.
local function found_below(map, place, name)
  local dot = name:find(".", 1, true)
  while dot do
    name = name:sub(dot + 1)
    local found = map:lookup(name .. "|*" .. place)
    if found then return found end
    dot = name:find(".", 1, true)
  end
  return map:lookup("|*" .. place)
end

-- What the hosts say of a name.
local function found_for(port, name)
  local parent = name:match("^[^.]+%.(.+)$")
  return maps.hosts:lookup(name .. "|" .. port)
    or (parent and maps.hosts:lookup(parent .. "|?" .. port))
    or found_below(maps.hosts, port, name)
end

-- A table and the listener that has it, of a name or of what the configuration has found for one.
local function table_and_listener(found)
  if found == nil then return nil, nil end
  return found:match("^([^|]*)|(.*)$")
end

local NOTHING = {}

-- The entry that takes the request, or the backend where that is all there is to say. `target`: what the paths of the first table say.
-- Tables are asked from the most to the less specific one.
local function find_entry(key, target, request)
  while key and key ~= "" and key ~= "-" do
    if target and target:sub(1, 1) == "b" then return nil, target end
    local text = maps.more:lookup(key)
    local more = text and decode(text) or { "", "" }
    local regexes_of_table = more[2] ~= "" and list_of(more[2]) or NOTHING
    local listed = target and list_of(target:sub(2)) or NOTHING
    local entry = first_match(listed, regexes_of_table, request)
    if entry then return entry, nil end
    key = more[1]
    target = key ~= "" and maps.paths:lookup(key .. path_of(request) .. "/#") or nil
  end
  return nil, nil
end
