-- What the maps of HAProxy hold for us: trees of strings (treeText in proxy-text.ts), named by what they say. What was read once never changes, and is kept in a
-- cache of bounded size, one for each thread.

local folder = "@folder@"

-- Whether somebody wants to know which rule has had a request.
local is_told = "@telemetry@" ~= ""

-- Of what HAProxy makes for each request little is ours to save; to look for it half as often is a tenth of a request's whole cost.
collectgarbage("setpause", 400)

local maps = {
  hosts = Map.new(folder .. "/hosts.map", Map._str),
  rules = Map.new(folder .. "/rules.map", Map._beg),
  paths = Map.new(folder .. "/paths.map", Map._beg),
  more = Map.new(folder .. "/more.map", Map._str),
  streams = Map.new(folder .. "/streams.map", Map._str),
  guards = Map.new(folder .. "/guards.map", Map._str),
  data = Map.new(folder .. "/data.map", Map._str),
}

-- Two generations: when the young one is full, the old one goes.
local function new_cache(size)
  local young, old, count = {}, {}, 0
  local function put(key, value)
    if count >= size then
      old, young, count = young, {}, 0
    end
    young[key] = value
    count = count + 1
    return value
  end
  local function get(key)
    local value = young[key]
    if value ~= nil then return value end
    value = old[key]
    if value ~= nil then return put(key, value) end
    return nil
  end
  return { get = get, put = put }
end

local function unescape(atom)
  if atom == "~" then return "" end
  return (atom:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

-- Only our own program writes them; of what is none the first part that is one is taken.
local function decode(text)
  local top = {}
  local list, stack = top, {}
  for mark, atom in text:gmatch("([(),]?)([^(),]*)") do
    if mark == "(" then
      local inner = {}
      list[#list + 1] = inner
      stack[#stack + 1] = list
      list = inner
    elseif mark == ")" then
      list = table.remove(stack) or top
    end
    if atom ~= "" then list[#list + 1] = unescape(atom) end
  end
  return top[1]
end

local function text_of(name)
  local text = maps.data:lookup(name)
  local pieces = text and tonumber(text:match("^%+(%d+)$"))
  if pieces == nil then return text end
  local parts = {}
  for i = 1, pieces do
    parts[i] = maps.data:lookup(name .. "." .. (i - 1)) or ""
  end
  return table.concat(parts)
end

-- Reads a tree by its name as what `made_of` makes of it, once; nil where there is none.
local function new_reader(size, made_of)
  local cache = new_cache(size)
  return function(name)
    local made = cache.get(name)
    if made then return made end
    local text = text_of(name)
    return text and cache.put(name, made_of(decode(text), name))
  end
end
