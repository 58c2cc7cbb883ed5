-- What maps alone cannot decide, inside of HAProxy: conditions, weights, filters. All it knows of routes comes from the maps, as trees of strings
-- (treeText in proxy-text.ts); a list or rule is named by what it says, so what was read once never changes.

local folder = "@folder@"

local maps = {
  hosts = Map.new(folder .. "/hosts.map", Map._str),
  exact = Map.new(folder .. "/exact.map", Map._str),
  prefix = Map.new(folder .. "/prefix.map", Map._beg),
  more = Map.new(folder .. "/more.map", Map._str),
  data = Map.new(folder .. "/data.map", Map._str),
}

-- The tree that a text is. Only our own program writes them; what is no tree gives nil.
local function decode(text)
  local stack, list, top = {}, {}, nil
  top = list
  for mark, atom in text:gmatch("([(),]?)([^(),]*)") do
    if mark == "(" then
      local inner = {}
      list[#list + 1] = inner
      stack[#stack + 1] = list
      list = inner
    elseif mark == ")" then
      list = table.remove(stack)
      if list == nil then return nil end
    end
    if atom == "~" then
      list[#list + 1] = ""
    elseif atom ~= "" then
      list[#list + 1] = atom:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)
    end
  end
  return top[1]
end

-- Trees that were read, by name. Two generations: when one is full, the older one goes.
local young, old, count = {}, {}, 0
local CACHE_TREES = 5000

local function remember(name, tree)
  if count >= CACHE_TREES then
    old, young, count = young, {}, 0
  end
  young[name] = tree
  count = count + 1
  return tree
end

local function tree_of(name)
  local tree = young[name]
  if tree then return tree end
  tree = old[name]
  if tree then return remember(name, tree) end
  local text = maps.data:lookup(name)
  if text == nil then return nil end
  local pieces = tonumber(text:match("^%+(%d+)$"))
  if pieces then
    local parts = {}
    for i = 1, pieces do
      local part = maps.data:lookup(name .. "." .. (i - 1))
      if part == nil then return nil end
      parts[i] = part
    end
    text = table.concat(parts)
  end
  tree = decode(text)
  return tree and remember(name, tree)
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

local function entries_of(key, path)
  local target = maps.exact:lookup(key .. "|" .. path) or maps.prefix:lookup(key .. "|" .. path .. "/")
  if target == nil then return {}, nil end
  if target:sub(1, 1) == "=" then return tree_of(target:sub(2)) or {}, nil end
  return {}, target
end

local function route(txn)
  local host, path = txn:get_var("txn.host") or "", txn:get_var("txn.path") or ""
  local key = txn:get_var("txn.table") or deep_table(txn:get_var("txn.port"), host)
  while key and key ~= "" and key ~= "-" do
    local _, direct = entries_of(key, path)
    if direct then
      txn:set_var("txn.backend", direct)
      return
    end
    local more = maps.more:lookup(key)
    key = more and decode(more)[1]
  end
end

core.register_action("route", { "http-req" }, route)
