-- What the maps of HAProxy hold for us: trees of strings (treeText in proxy-text.ts), named by what they say. What was read once never changes, and is kept in a
-- cache of bounded size, one for each thread.

local folder = "@folder@"

local maps = {
  hosts = Map.new(folder .. "/hosts.map", Map._str),
  exact = Map.new(folder .. "/exact.map", Map._str),
  prefix = Map.new(folder .. "/prefix.map", Map._beg),
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

local trees = new_cache(5000)

local function tree_of(name)
  local tree = trees.get(name)
  if tree then return tree end
  local text = maps.data:lookup(name)
  if text == nil then return nil end
  local pieces = tonumber(text:match("^%+(%d+)$"))
  if pieces then
    local parts = {}
    for i = 1, pieces do
      parts[i] = maps.data:lookup(name .. "." .. (i - 1)) or ""
    end
    text = table.concat(parts)
  end
  return trees.put(name, decode(text))
end
