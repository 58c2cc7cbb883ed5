-- What a client has shown of itself by TLS, and what backends are told of it, by ingress-nginx's names.

local function is_shown(txn)
  return txn.f:ssl_c_used() == 1 and txn.f:ssl_c_verify() == 0
end

local TOLD = { "ssl-client-verify", "ssl-client-subject-dn", "ssl-client-issuer-dn", "ssl-client-cert" }

-- As nginx's $ssl_client_escaped_cert.
local function escaped_certificate(txn)
  local pem = "-----BEGIN CERTIFICATE-----\n"
  for line in txn.c:base64(txn.f:ssl_c_der()):gmatch("." .. (".?"):rep(63)) do pem = pem .. line .. "\n" end
  pem = pem .. "-----END CERTIFICATE-----\n"
  return (pem:gsub("[^%w._~-]", function(it) return ("%%%02X"):format(it:byte()) end))
end

local function tell_certificate(txn, filter)
  local is_good = is_shown(txn)
  local is_wrong = not is_good and txn.f:ssl_c_used() == 1
  if not is_good and (filter[2] == "required" or (is_wrong and filter[2] == "optional")) then
    return answer(txn, 403, {})
  end
  local subject = is_good and txn.f:ssl_c_s_dn("", 0, "rfc2253") or ""
  if filter[3] ~= "" and not matches_regex(".*(?:" .. filter[3] .. ").*", subject) then
    return answer(txn, 403, {})
  end
  for _, name in ipairs(TOLD) do txn.http:req_del_header(name) end
  txn.http:req_set_header("ssl-client-verify", is_good and "SUCCESS" or is_wrong and "FAILED" or "NONE")
  if not is_good then return end
  txn.http:req_set_header("ssl-client-subject-dn", subject)
  txn.http:req_set_header("ssl-client-issuer-dn", txn.f:ssl_c_i_dn("", 0, "rfc2253") or "")
  if filter[4] ~= "" then txn.http:req_set_header("ssl-client-cert", escaped_certificate(txn)) end
end
