-- Names and passwords (RFC 7617), held against hashes as htpasswd and crypt(3) make them (password-hash.ts).

local MOST_BYTES = 256

local function times(text, length)
  if length == 0 then return "" end
  return text:rep((length - 1) // #text + 1):sub(1, length)
end

-- Of FreeBSD, with Apache's mark or its own (crypt(5), "md5crypt").
local function md5_crypt(md5, user, password)
  local mark, salt = user[2], user[3]
  local text = password .. mark .. salt .. times(md5(password .. salt .. password), #password)
  local left = #password
  while left > 0 do
    text = text .. (left % 2 == 1 and "\0" or password:sub(1, 1))
    left = left // 2
  end
  local digest = md5(text)
  for i = 0, tonumber(user[4]) - 1 do
    local is_odd = i % 2 == 1
    digest = md5((is_odd and password or digest) .. (i % 3 > 0 and salt or "") .. (i % 7 > 0 and password or "")
      .. (is_odd and digest or password))
  end
  return digest
end

-- "Unix crypt using SHA-256 and SHA-512" (Drepper, 2007).
local function sha_crypt(sha, user, password)
  local salt = user[3]
  local other = sha(password .. salt .. password)
  local text = password .. salt .. times(other, #password)
  local left = #password
  while left > 0 do
    text = text .. (left % 2 == 1 and other or password)
    left = left // 2
  end
  local digest = sha(text)
  local p = times(sha(password:rep(#password)), #password)
  local s = times(sha(salt:rep(16 + digest:byte(1))), #salt)
  for i = 0, tonumber(user[4]) - 1 do
    local is_odd = i % 2 == 1
    digest = sha((is_odd and p or digest) .. (i % 3 > 0 and s or "") .. (i % 7 > 0 and p or "")
      .. (is_odd and digest or p))
  end
  return digest
end

local function unhex(text)
  return (text:gsub("%x%x", function(it) return string.char(tonumber(it, 16)) end))
end

local function digest_of(c, user, password)
  local scheme = user[2]
  if scheme == "sha1" then return c:sha1(password .. unhex(user[3])) end
  if scheme == "$5$" then return sha_crypt(function(it) return c:sha2(it, 256) end, user, password) end
  if scheme == "$6$" then return sha_crypt(function(it) return c:sha2(it, 512) end, user, password) end
  return md5_crypt(function(it) return c:digest(it, "md5") end, user, password)
end

-- Hashing costs milliseconds: what was right once is known by a digest of hash and password together.
local right = new_cache(1000)

local function is_right(c, user, password)
  local known = c:sha2(user[5] .. user[3] .. "\0" .. password, 256)
  if right.get(known) then return true end
  if c:hex(digest_of(c, user, password)) ~= user[5] then return false end
  right.put(known, true)
  return true
end

-- By name, of the filters that were asked of late.
local users = setmetatable({}, { __mode = "k" })

local function user_of(filter, name)
  local by_name = users[filter]
  if by_name == nil then
    by_name = {}
    for _, user in ipairs(filter[3]) do by_name[user[1]] = user end
    users[filter] = by_name
  end
  return by_name[name]
end

local function ask_password(txn, filter)
  local said = txn.f:req_hdr("authorization") or ""
  local encoded = said:match("^[Bb][Aa][Ss][Ii][Cc] +([%w+/]+=*)$")
  local name, password = (encoded and txn.c:b64dec(encoded) or ""):match("^([^:]*):(.*)$")
  local user = name and #password <= MOST_BYTES and user_of(filter, name)
  if user and is_right(txn.c, user, password) then return end
  local realm = 'Basic realm="' .. (filter[2][1] or "") .. '"'
  return answer(txn, 401, { { "www-authenticate", realm } })
end
