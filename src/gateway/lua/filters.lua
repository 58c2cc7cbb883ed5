-- What is done to requests and responses by the filters of a rule, each a list: its kind, then as render-rules.ts writes it.

local function path_of(txn) return txn:get_var("txn.path") or "" end

-- All values of a header as one.
local function header_of(f, name)
  local count = f:req_fhdr_cnt(name)
  if count == 0 then return nil end
  local values = {}
  for i = 1, count do values[i] = f:req_fhdr(name, i) end
  return table.concat(values, ",")
end

local function change_request(http, filter)
  for _, it in ipairs(filter[2]) do http:req_set_header(it[1], it[2]) end
  for _, it in ipairs(filter[3]) do http:req_add_header(it[1], it[2]) end
  for _, name in ipairs(filter[4]) do http:req_del_header(name) end
end

local function change_response(http, filter)
  for _, it in ipairs(filter[2]) do http:res_set_header(it[1], it[2]) end
  for _, it in ipairs(filter[3]) do http:res_add_header(it[1], it[2]) end
  for _, name in ipairs(filter[4]) do http:res_del_header(name) end
end

-- The path as a redirect or rewrite has it: what a prefix matched is replaced whole elements at a time.
local function changed_path(change, entry, path)
  if #change == 0 then return path end
  local value = change[2]
  if change[1] == "full" then return value end
  if change[1] == "captures" then
    local groups = captures_of(entry.path, path)
    return (value:gsub("%$(%d)", function(number) return groups[tonumber(number) + 1] or "" end))
  end
  value = value:gsub("/$", "")
  local rest = entry.path_type == "prefix" and path:sub(#entry.path:gsub("/$", "") + 1) or ""
  local changed = value .. rest
  return changed == "" and "/" or changed
end

local USUAL_PORTS = { http = "80", https = "443" }

-- The port is that of the new scheme, or that of the listener where the scheme stays, and not said where the scheme says it.
local function location_of(txn, filter, entry)
  local scheme, host, port = filter[2], filter[3], filter[4]
  if port == "" then
    port = scheme ~= "" and USUAL_PORTS[scheme] or tostring(txn:get_var("sess.port"))
  end
  if scheme == "" then scheme = txn:get_var("sess.scheme") end
  if host == "" then host = txn:get_var("txn.host") or "" end
  local authority = port == USUAL_PORTS[scheme] and host or host .. ":" .. port
  local query = txn.f:query() or ""
  local path = changed_path(filter[5], entry, path_of(txn))
  return scheme .. "://" .. authority .. path .. (query ~= "" and "?" .. query or "")
end

-- Whether the client's address is in one of the prefixes.
local function is_from(txn, prefixes)
  local address = core.parse_addr(txn.f:src())
  for _, it in ipairs(prefixes) do
    local prefix = core.parse_addr(it)
    if address and prefix and core.match_addr(address, prefix) then return true end
  end
  return false
end

local function is_refused_source(txn, filter)
  return is_from(txn, filter[3]) or (#filter[2] > 0 and not is_from(txn, filter[2]))
end

local function is_too_long(txn, most)
  local length = tonumber(header_of(txn.f, "content-length") or "0")
  return length == nil or length > most
end

local function answer(txn, status, headers, body)
  local reply = txn:reply({ status = status, body = body })
  for _, it in ipairs(headers) do reply:add_header(it[1], it[2]) end
  txn:done(reply)
end

-- "https://*.example.com" stands for one and more labels, "*" for every origin.
local function is_allowed_origin(origins, origin)
  for _, it in ipairs(origins) do
    if it == "*" or it == origin then return true, it end
    local before, behind = it:match("^([^*]*)%*(%.[^*]*)$")
    if before and #origin > #before + #behind and origin:sub(1, #before) == before
      and origin:sub(-#behind) == behind
      and origin:sub(#before + 1, -#behind - 1):match("^[%w.-]+$") then
      return true, it
    end
  end
  return false, nil
end

-- What "*" allows is named one by one where credentials go along: browsers take no star then (Fetch 3.3.5).
local function allowed_list(list, is_with_credentials, asked)
  if list[1] == "*" and is_with_credentials then return asked end
  return #list > 0 and table.concat(list, ", ") or nil
end

-- Gives the header changes for the response, or answers a preflight.
local function cors(txn, filter)
  local f = txn.f
  local origin = header_of(f, "origin")
  if origin == nil then return nil end
  local is_with_credentials = filter[3] == "yes"
  local is_allowed, by = is_allowed_origin(filter[2], origin)
  local set = {}
  if is_allowed then
    local is_any = by == "*" and not is_with_credentials
    set[#set + 1] = { "access-control-allow-origin", is_any and "*" or origin }
    if is_with_credentials then set[#set + 1] = { "access-control-allow-credentials", "true" } end
  end
  local asked = header_of(f, "access-control-request-method")
  if txn.f:method() == "OPTIONS" and asked then
    if is_allowed then
      local methods = allowed_list(filter[4], is_with_credentials, asked)
      if methods then set[#set + 1] = { "access-control-allow-methods", methods } end
      local names = allowed_list(filter[5], is_with_credentials, header_of(f, "access-control-request-headers"))
      if names then set[#set + 1] = { "access-control-allow-headers", names } end
      set[#set + 1] = { "access-control-max-age", filter[7] }
    end
    set[#set + 1] = { "vary", "Origin" }
    return answer(txn, 204, set)
  end
  if is_allowed and #filter[6] > 0 then
    set[#set + 1] = { "access-control-expose-headers", table.concat(filter[6], ", ") }
  end
  return { "response-headers", set, { { "vary", "Origin" } }, {} }
end
