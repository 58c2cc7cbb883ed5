-- Rules, and who of their backends has a request.

-- Backends with their weights, those that lead nowhere too: their share is an error.
local function weighted(backends)
  local total = 0
  for _, it in ipairs(backends) do total = total + it.weight end
  return { total = total, backends = backends }
end

local function pick_backend(choice)
  if choice.total == 0 then return nil end
  local first = choice.backends[1]
  if first.weight == choice.total then return first end
  local at = math.random(choice.total)
  for _, it in ipairs(choice.backends) do
    at = at - it.weight
    if at <= 0 then return it end
  end
  return nil
end

local function shorter(a, b)
  if a == 0 then return b end
  return b == 0 and a or math.min(a, b)
end

-- Rules are written as lists: id, "grpc" or "", the two timeouts, filters, backends, "body" where a filter wants to see it. A backend: slot, weight, filters, "retried"
-- or "", how its cookie is set. What is none is false.
local rule_of = new_reader(5000, function(tree)
  if #tree < 6 then return false end
  local backends = {}
  for i, it in ipairs(tree[6]) do
    backends[i] = { slot = it[1], weight = tonumber(it[2]), filters = it[3], is_retried = it[4] == "retried", cookie = it[5] }
  end
  local first = tree[5][1]
  local is_bare = #tree[5] == 0
  for _, it in ipairs(backends) do is_bare = is_bare and #it.filters == 0 and it.cookie == "" end
  return {
    id = tree[1], is_bare = is_bare, is_grpc = tree[2] == "grpc", wants_body = tree[7] == "body", total = tonumber(tree[3]), each = tonumber(tree[4]),
    limits = first and first[1] == "client-limits" and first or nil,
    filters = tree[5], choice = weighted(backends),
  }
end)
