-- Which entry of the routes a request matches.

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

-- The configuration writes a request as one text (requestText in render-routing.ts): its headers as HAProxy has them, an empty line, then a line each for the rest.
local LINES = "^([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n(.*)$"

local function read_request(text)
  local _, head = text:find("\r\n\r\n", 1, true)
  local method, path, query, target, found, host, port = text:match(LINES, (head or 2) + 1)
  return { text = text, method = method, path = path, query = query, target = target, found = found, host = host, port = port }
end

-- A header that comes several times is one with all its values (RFC 9110 5.3). `mark` is how its line begins.
local function header_in(text, mark)
  local value = nil
  local from, to = text:find(mark, 1, true)
  while from do
    if from == 1 or text:byte(from - 1) == 10 then
      local next_value = text:sub(to + 1, text:find("\r\n", to + 1, true) - 1)
      value = value and value .. "," .. next_value or next_value
    end
    from, to = text:find(mark, to + 1, true)
  end
  return value
end

local function parameters_of(request)
  local parameters = request.parameters or parsed_query(request.query)
  request.parameters = parameters
  return parameters
end

-- HAProxy counts every step of ours: what entries ask for is made a function once, with as few steps as can be.

local function value_test(kind, wanted)
  if kind == "regex" then
    return function(text) return text ~= nil and matches_regex(wanted, text) end
  end
  return function(text) return text == wanted end
end

local function header_test(condition)
  local mark, is_value = condition[2]:lower() .. ": ", value_test(condition[1], condition[3])
  return function(request) return is_value(header_in(request.text, mark)) end
end

local function parameter_test(condition)
  local name, is_value = condition[2], value_test(condition[1], condition[3])
  return function(request) return is_value(parameters_of(request)[name]) end
end

local function both(one, other)
  if one == nil then return other end
  return function(request) return one(request) and other(request) end
end

-- Undefined where nothing but the path is asked for.
local function test_of(path_type, path, method, headers, query)
  local test = nil
  if method ~= "" then test = function(request) return request.method == method end end
  if path_type == "regex" then
    test = both(test, function(request) return matches_regex(path, request.path) end)
  end
  for _, it in ipairs(headers) do test = both(test, header_test(it)) end
  for _, it in ipairs(query) do test = both(test, parameter_test(it)) end
  return test
end

-- Entries are written as lists: order, name of the rule, type of the path, path, method, headers, query.
local list_of = new_reader(5000, function(tree, name)
  local entries = {}
  for i, it in ipairs(tree) do
    local test = test_of(it[3], it[4], it[5], it[6], it[7])
    entries[i] = { order = tonumber(it[1]), rule = it[2], path_type = it[3], path = it[4], test = test, place = name .. " " .. i }
  end
  return entries
end)

local function first_of(entries, request)
  for i = 1, #entries do
    local entry = entries[i]
    local test = entry.test
    if test == nil or test(request) then return entry end
  end
  return nil
end

-- Two lists in their order are walked as one.
local function first_of_both(some, others, request)
  local i, j = 1, 1
  while some[i] or others[j] do
    local entry
    if others[j] == nil or (some[i] and some[i].order < others[j].order) then
      entry, i = some[i], i + 1
    else
      entry, j = others[j], j + 1
    end
    if entry.test == nil or entry.test(request) then return entry end
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

-- A table and the listener that has it, of what the hosts say.
local function table_and_listener(found)
  if found == nil then return nil, nil end
  return found:match("^([^|]*)|(.*)$")
end

local NOTHING = {}

-- The entry that takes the request, or the backend where that is all there is to say, and the table that says so. Tables are asked from the most to the less specific one.
local function find_entry(key, target, request)
  while key and key ~= "" and key ~= "-" do
    if target and target:sub(1, 1) == "b" then return nil, target, key end
    local text = maps.more:lookup(key)
    local more = text and decode(text) or { "", "" }
    local regexes_of_table = more[2] ~= "" and list_of(more[2]) or NOTHING
    local listed = target and list_of(target:sub(2)) or NOTHING
    local entry = first_of_both(listed, regexes_of_table, request)
    if entry then return entry, nil end
    key = more[1]
    target = key ~= "" and maps.paths:lookup(key .. request.path .. "/#") or nil
  end
  return nil, nil
end

-- The same of a request for which the configuration has found what the paths say, a table, or nothing.
local function entry_of(request)
  local target, key = request.target, table_and_listener(request.found)
  if key == nil then
    key = table_and_listener(found_below(maps.hosts, request.port, request.host))
    target = key and maps.paths:lookup(key .. request.path .. "/#") or ""
  end
  return find_entry(key, target ~= "" and target or nil, request)
end
