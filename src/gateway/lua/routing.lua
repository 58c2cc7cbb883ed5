-- The actions that the configuration calls.

-- `rest` is what is left for later: the changes of the response, the backends that get a copy.
local function apply_filter(filter, txn, entry, rest)
  local kind = filter[1]
  if kind == "sources" then
    if is_refused_source(txn, filter) then answer(txn, 403, {}) end
  elseif kind == "body-size" then
    if is_too_long(txn, tonumber(filter[2])) then answer(txn, 413, {}) end
  elseif kind == "request-headers" then
    change_request(txn.http, filter)
  elseif kind == "response-headers" then
    rest.changes[#rest.changes + 1] = filter
  elseif kind == "cors" then
    rest.changes[#rest.changes + 1] = cors(txn, filter)
  elseif kind == "mirror" then
    if filter[2] ~= "" and math.random() < tonumber(filter[3]) then
      rest.mirrors[#rest.mirrors + 1] = filter[2]
    end
  elseif kind == "external-auth" then
    rest.changes[#rest.changes + 1] = authorize(txn, filter)
  elseif kind == "client-certificate" then
    tell_certificate(txn, filter)
  elseif kind == "basic-auth" then
    ask_password(txn, filter)
  elseif kind == "auth-request" then
    rest.changes[#rest.changes + 1] = ask_auth(txn, filter)
  elseif kind == "redirect" then
    answer(txn, tonumber(filter[6]), { { "location", location_of(txn, filter, entry) } })
  elseif kind == "rewrite" then
    if filter[2] ~= "" then txn.http:req_set_header("host", filter[2]) end
    if #filter[3] > 0 then txn.http:req_set_path(changed_path(filter[3], entry, path_of(txn))) end
  end
end

local function keep(txn, rest)
  if #rest.changes == 0 then return end
  txn:set_priv({ changes = rest.changes })
  txn:set_var("txn.changes", 1)
end

-- The way to a backend: its name, or "t", the time for one try, the name, and where who makes copies ("mirrored") or waits for all tries together ("retried") comes
-- before it: their time, the backend behind. Where somebody wants to know of rules, the rule's comes last.
local function way_to(rule, backend, is_copied)
  local total, each = rule.total, rule.each
  local before = is_copied and "mirrored" or (backend.is_retried and total > 0 and "retried") or nil
  if not before and total == 0 and each == 0 and not is_told then return backend.slot end
  local wait = before and each or shorter(total, each)
  local way = "t " .. (wait > 0 and wait or "") .. " "
  if before then
    way = way .. before .. " " .. (total > 0 and total or "") .. " " .. backend.slot
  else
    way = way .. backend.slot
  end
  if not is_told then return way end
  return way .. (before and " " or "   ") .. rule.id
end

-- Of a backend by itself, and the rule that leads there.
local function told_way(slot, id)
  return is_told and "t  " .. slot .. "   " .. id or slot
end

-- The backend where the rule leads nowhere. gRPC's clients read the first as "unavailable", which the specification wants, the other as "unknown".
local function failure_of(rule)
  return told_way(rule.is_grpc and "answer-503" or "answer-500", rule.id)
end

-- What the configuration goes on with: the way to a backend, the place of the entry whose rule `follow` does, behind "!" where `prepare` comes before and "@" where not, or "none".
local function outcome_of(entry)
  if entry == nil then return "none" end
  local rule = rule_of(entry.rule)
  if not rule then return "answer-500" end
  if not rule.is_bare then return ((rule.limits or rule.wants_body) and "!" or "@") .. entry.place end
  local backend = pick_backend(rule.choice)
  if backend == nil or backend.slot == "" then return failure_of(rule) end
  return way_to(rule, backend)
end

-- Converters have no look at the request but the text that they are given, and cost a fifth of what an action does.

-- Of a list that asks for nothing but headers: its name stands behind them.
core.register_converters("choose", function(text)
  return outcome_of(first_of(list_of(text:sub(-32)) or NOTHING, { text = text }))
end)

-- Of any request.
core.register_converters("decide", function(text)
  local request = read_request(text)
  local entry, direct, key = entry_of(request)
  if direct == nil then return outcome_of(entry) end
  return told_way(direct, is_told and maps.rules:lookup(key .. request.path .. "/#") or "")
end)

-- An entry by its place, and its rule.
local function placed(txn)
  local list, index = txn:get_var("txn.backend"):match("^[@!](%x+) (%d+)$")
  local entry = (list_of(list) or NOTHING)[tonumber(index)]
  return entry, entry and rule_of(entry.rule)
end

-- Some rules want something first: that the client is counted, that the body is there.
core.register_action("prepare", { "http-req" }, function(txn)
  local _, rule = placed(txn)
  if not rule then return end
  local key = rule.limits and limit_key(txn, rule.limits)
  if key then
    txn:set_priv({ limits = rule.limits })
    txn:set_var("txn.limit", key)
  end
  if rule.wants_body then txn:set_var("txn.wants_body", 1) end
end)

core.register_action("follow", { "http-req" }, function(txn)
  local entry, rule = placed(txn)
  if not rule then return txn:set_var("txn.backend", "answer-500") end
  -- Also where it answers by itself.
  if is_told then txn:set_var("txn.rule", rule.id) end
  local backend = pick_backend(rule.choice)
  local leads = backend ~= nil and backend.slot ~= ""
  local own, more = rule.filters, leads and backend.filters or NOTHING
  local rest = { changes = {}, mirrors = {} }
  for _, it in ipairs(own) do apply_filter(it, txn, entry, rest) end
  for _, it in ipairs(more) do apply_filter(it, txn, entry, rest) end
  keep(txn, rest)
  if not leads then return txn:set_var("txn.backend", failure_of(rule)) end
  local is_copied = #rest.mirrors > 0
  if is_copied then txn:set_var("txn.mirrors", table.concat(rest.mirrors, " ")) end
  if backend.cookie ~= "" then txn:set_var("txn.cookie", backend.cookie) end
  txn:set_var("txn.backend", way_to(rule, backend, is_copied))
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
