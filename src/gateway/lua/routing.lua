-- The actions that the configuration calls.

-- What is left of filters for later: the changes of the response, the backends that get a copy.
local function new_rest() return { changes = {}, mirrors = {} } end

local function apply_filter(filter, txn, entry, request, rest)
  local kind = filter[1]
  if kind == "sources" then
    if is_refused_source(txn, filter) then answer(txn, 403, {}) end
  elseif kind == "body-size" then
    if is_too_long(request, tonumber(filter[2])) then answer(txn, 413, {}) end
  elseif kind == "request-headers" then
    change_request(txn.http, filter)
  elseif kind == "response-headers" then
    rest.changes[#rest.changes + 1] = filter
  elseif kind == "cors" then
    rest.changes[#rest.changes + 1] = cors(txn, filter, request)
  elseif kind == "mirror" then
    if filter[2] ~= "" and math.random() < tonumber(filter[3]) then
      rest.mirrors[#rest.mirrors + 1] = filter[2]
    end
  elseif kind == "external-auth" then
    rest.changes[#rest.changes + 1] = authorize(txn, filter)
  elseif kind == "basic-auth" then
    ask_password(txn, filter)
  elseif kind == "auth-request" then
    rest.changes[#rest.changes + 1] = ask_auth(txn, filter, request)
  elseif kind == "redirect" then
    answer(txn, tonumber(filter[6]), { { "location", location_of(txn, filter, entry, request) } })
  elseif kind == "rewrite" then
    if filter[2] ~= "" then txn.http:req_set_header("host", filter[2]) end
    if #filter[3] > 0 then txn.http:req_set_path(changed_path(filter[3], entry, path_of(request))) end
  end
end

local function keep(txn, rest)
  if #rest.changes == 0 then return end
  txn:set_priv({ changes = rest.changes })
  txn:set_var("txn.changes", 1)
end

-- To the backend, directly or by way of who makes copies, or who waits for all of its tries.
local function go(txn, rule, backend, mirrors)
  local slot, wait = backend.slot, rule.wait
  local is_copied = mirrors ~= nil and #mirrors > 0
  if is_copied then txn:set_var("txn.mirrors", table.concat(mirrors, " ")) end
  if is_copied or (backend.is_retried and rule.total > 0) then
    txn:set_var("txn.inner", slot)
    if rule.total > 0 then txn:set_var("txn.total", rule.total) end
    slot, wait = is_copied and "mirrored" or "retried", rule.each
  end
  txn:set_var("txn.backend", slot)
  if backend.cookie ~= "" then txn:set_var("txn.cookie", backend.cookie) end
  if wait > 0 then txn:set_var("txn.wait", wait) end
end

local function follow(txn, entry, request)
  local rule = rule_of(entry.rule)
  if not rule then return txn:set_var("txn.backend", "answer-500") end
  local rest = nil
  local function apply(filters)
    if #filters == 0 then return end
    rest = rest or new_rest()
    for _, filter in ipairs(filters) do apply_filter(filter, txn, entry, request, rest) end
  end
  apply(rule.filters)
  local backend = pick_backend(rule.choice)
  if backend == nil or backend.slot == "" then
    -- gRPC's clients read the first as "unknown", the second as "unavailable", which the specification wants.
    txn:set_var("txn.backend", rule.is_grpc and "answer-503" or "answer-500")
  else
    apply(backend.filters)
    go(txn, rule, backend, rest and rest.mirrors)
  end
  if rest then keep(txn, rest) end
end

-- Some rules want something first: that the client is counted, that the body is there.
local function take(txn, entry, request)
  local rule = rule_of(entry.rule)
  local limits = rule and rule.limits
  local key = limits and limit_key(txn, limits)
  if not key and not (rule and rule.wants_body) then return follow(txn, entry, request) end
  txn:set_priv({ entry = entry, limits = limits })
  if key then txn:set_var("txn.limit", key) end
  if rule.wants_body then txn:set_var("txn.wants_body", 1) end
  txn:set_var("txn.later", 1)
end

core.register_action("route", { "http-req" }, function(txn)
  local request = { txn = txn }
  local target = txn:get_var("txn.backend")
  local entry, direct
  if target and target:sub(1, 1) == "=" then
    entry = first_match(list_of(target:sub(2)) or NOTHING, NOTHING, request)
  else
    local found = txn:get_var("txn.table")
    local key = found and table_and_listener(found)
    if key == nil then
      key = table_and_listener(found_below(maps.hosts, txn:get_var("sess.port"), txn:get_var("txn.host") or ""))
      target = key and maps.paths:lookup(key .. path_of(request) .. "/#")
    end
    entry, direct = find_entry(key, target, request)
  end
  if direct then
    txn:set_var("txn.backend", direct)
  elseif entry then
    take(txn, entry, request)
  end
end)

-- What `route` has found, when what its rule wants first is there.
core.register_action("follow", { "http-req" }, function(txn)
  follow(txn, txn:get_priv().entry, { txn = txn })
end)

core.register_action("respond", { "http-res" }, function(txn)
  local is_good = txn.f:status() < 400
  for _, change in ipairs((txn:get_priv() or {}).changes or {}) do
    if type(change) == "function" then change(txn.http)
    elseif is_good or change[5] ~= "good" then change_response(txn.http, change) end
  end
end)

-- The listener that has a name.
local function listener_of(port, name)
  local _, listener = table_and_listener(found_for(port, name))
  return listener
end

-- Whether the certificate that a listener wants to see has been shown. It is asked for by the name that the client gives: with none, or with one of more labels
-- than a certificate's star stands for, HAProxy asks as for the listener of every name.
local function is_asked(listener, name)
  return listener == "*" or name == listener
    or (listener:sub(1, 2) == "*." and name:match("^[^.]+(%..+)$") == listener:sub(2))
end

local function is_shown(txn)
  return txn.f:ssl_c_used() == 1 and txn.f:ssl_c_verify() == 0
end

-- 421 for a host that is not of the listener whose certificate was shown, which without a name is that of every name; 403 where that listener wants to see a certificate and saw none, or a wrong one.
core.register_action("guard", { "http-req" }, function(txn)
  local port, name = txn:get_var("sess.port"), (txn.f:ssl_fc_sni() or ""):lower()
  local listener = listener_of(port, txn:get_var("txn.host") or "")
  if listener == nil then return end
  if listener_of(port, name) ~= listener then return answer(txn, 421, {}) end
  local wanted = maps.guards:lookup(port .. "|" .. listener)
  if wanted == nil then return end
  if not is_asked(listener, name) then return answer(txn, 421, {}) end
  if wanted == "required" and not is_shown(txn) then return answer(txn, 403, {}) end
end)

-- Connections' backends are written as lists: the listener whose certificate has to have been shown, backends of a slot and a weight.
local stream_of = new_reader(5000, function(tree)
  local backends = {}
  for i, it in ipairs(tree[2]) do backends[i] = { slot = it[1], weight = tonumber(it[2]) } end
  return { guard = tree[1], choice = weighted(backends) }
end)

-- A backend for a connection: the name's that the configuration has not found, by weight where there are several.
core.register_action("stream", { "tcp-req" }, function(txn)
  local place, name = txn:get_var("sess.place"), txn:get_var("sess.name") or ""
  local target = txn:get_var("sess.target") or found_below(maps.streams, place, name) or "-"
  if target:sub(1, 1) == "=" then
    local stream = stream_of(target:sub(2))
    local is_fine = stream and (stream.guard == "" or (is_asked(stream.guard, name) and is_shown(txn)))
    local backend = is_fine and pick_backend(stream.choice)
    target = backend and backend.slot or "-"
  end
  if target ~= "-" and target ~= "" then txn:set_var("sess.backend", target) end
end)
