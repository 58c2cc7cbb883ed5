-- The actions that the configuration calls.

local function shorter(a, b)
  if a == 0 then return b end
  return b == 0 and a or math.min(a, b)
end

-- Through a backend of ours before it where its tries have one time together, or where copies are made.
local function lead_to(txn, backend, limits)
  local total, each, wait = limits.total, limits.each, 0
  if #limits.mirrors > 0 or (backend[4] == "retried" and total > 0) then
    txn:set_var("txn.inner", backend[1])
    txn:set_var("txn.backend", #limits.mirrors > 0 and "mirrored" or "retried")
    if #limits.mirrors > 0 then txn:set_var("txn.mirrors", table.concat(limits.mirrors, " ")) end
    if total > 0 then txn:set_var("txn.total", total) end
    wait = each
  else
    txn:set_var("txn.backend", backend[1])
    wait = shorter(total, each)
  end
  if wait > 0 then txn:set_var("txn.wait", wait) end
end

local function wants_body(entry)
  local rule = tree_of(entry[2])
  return rule ~= nil and rule[7] == "body"
end

-- Rules are lists: id, "grpc" or "", the two timeouts, filters, backends, "body" where a filter wants to see it. A backend: slot, weight, filters, "retried" or "".
local function follow(txn, entry, request)
  local rule = tree_of(entry[2])
  if rule == nil or #rule < 6 then
    txn:set_var("txn.backend", "answer-500")
    return
  end
  local changes, mirrors = {}, {}
  local function apply(filters)
    for _, filter in ipairs(filters) do
      local kind = filter[1]
      if kind == "sources" then
        if is_refused_source(txn, filter) then answer(txn, 403, {}) end
      elseif kind == "body-size" then
        if is_too_long(request, tonumber(filter[2])) then answer(txn, 413, {}) end
      elseif kind == "request-headers" then
        change_request(txn.http, filter)
      elseif kind == "response-headers" then
        changes[#changes + 1] = filter
      elseif kind == "cors" then
        changes[#changes + 1] = cors(txn, filter, request)
      elseif kind == "mirror" then
        if filter[2] ~= "" and txn.f:rand(1000000) < tonumber(filter[3]) * 1000000 then
          mirrors[#mirrors + 1] = filter[2]
        end
      elseif kind == "external-auth" then
        changes[#changes + 1] = authorize(txn, filter)
      elseif kind == "basic-auth" then
        ask_password(txn, filter)
      elseif kind == "auth-request" then
        changes[#changes + 1] = ask_auth(txn, filter, request)
      elseif kind == "redirect" then
        answer(txn, tonumber(filter[6]), { { "location", location_of(txn, filter, entry, request) } })
      elseif kind == "rewrite" then
        if filter[2] ~= "" then txn.http:req_set_header("host", filter[2]) end
        if #filter[3] > 0 then txn.http:req_set_path(changed_path(filter[3], entry, request.path)) end
      end
    end
  end
  apply(rule[5])
  local backend = pick_backend(txn, rule[6])
  if backend == nil or backend[1] == "" then
    -- gRPC's clients read the first as "unknown", the second as "unavailable", which the specification wants.
    txn:set_var("txn.backend", rule[2] == "grpc" and "answer-503" or "answer-500")
  else
    apply(backend[3])
    lead_to(txn, backend, { total = tonumber(rule[3]), each = tonumber(rule[4]), mirrors = mirrors })
  end
  if #changes > 0 then
    txn:set_priv({ changes = changes })
    txn:set_var("txn.changes", 1)
  end
end

core.register_action("route", { "http-req" }, function(txn)
  local host, path = txn:get_var("txn.host") or "", txn:get_var("txn.path") or ""
  local key = txn:get_var("txn.table") or deep_table(txn:get_var("sess.port"), host)
  local request = new_request(txn, path)
  local entry, direct = find_entry(key, request)
  if direct then
    txn:set_var("txn.backend", direct)
  elseif entry and wants_body(entry) then
    txn:set_priv({ entry = entry })
    txn:set_var("txn.wants_body", 1)
  elseif entry then
    follow(txn, entry, request)
  end
end)

-- What `route` has found, when the body has come.
core.register_action("follow", { "http-req" }, function(txn)
  local entry = txn:get_priv().entry
  follow(txn, entry, new_request(txn, txn:get_var("txn.path")))
end)

core.register_action("respond", { "http-res" }, function(txn)
  local is_good = txn.f:status() < 400
  for _, change in ipairs((txn:get_priv() or {}).changes or {}) do
    if type(change) == "function" then change(txn.http)
    elseif is_good or change[5] ~= "good" then change_response(txn.http, change) end
  end
end)

-- The listener that has a name, as the hosts say: the second part of a table's name.
local function listener_of(port, name)
  local key = maps.hosts:lookup(port .. "|" .. name)
  local parent = name:match("^[^.]+%.(.+)$")
  if key == nil and parent then
    key = maps.hosts:lookup(port .. "|?." .. parent)
  end
  key = key or deep_table(port, name)
  return key and key:match("^%d+,([^,]*),")
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
  local key = txn:get_var("txn.table") or deep_table(port, txn:get_var("txn.host") or "")
  local listener = key and key:match("^%d+,([^,]*),")
  if listener == nil then return end
  if listener_of(port, name) ~= listener then return answer(txn, 421, {}) end
  local wanted = maps.guards:lookup(port .. "|" .. listener)
  if wanted == nil then return end
  if not is_asked(listener, name) then return answer(txn, 421, {}) end
  if wanted == "required" and not is_shown(txn) then return answer(txn, 403, {}) end
end)

-- A backend for a connection: the name's that the configuration has not found, by weight where there are several.
core.register_action("stream", { "tcp-req" }, function(txn)
  local target = txn:get_var("sess.target")
  local key, name = txn:get_var("sess.key"), txn:get_var("sess.name") or ""
  local rest = name
  while target == nil and rest:find(".", 1, true) do
    rest = rest:sub(rest:find(".", 1, true) + 1)
    target = maps.streams:lookup(key .. "*." .. rest)
  end
  target = target or maps.streams:lookup(key .. "*") or "-"
  if target:sub(1, 1) == "=" then
    local guard, backends = table.unpack(tree_of(target:sub(2)) or { "", {} })
    local is_fine = guard == "" or (is_asked(guard, name) and is_shown(txn))
    local backend = is_fine and pick_backend(txn, backends)
    target = backend and backend[1] or "-"
  end
  if target ~= "-" and target ~= "" then txn:set_var("sess.backend", target) end
end)
