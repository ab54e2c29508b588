--- The server's part of NTLM (MS-NLMP): a challenge for a connection, and whether the answer to it
-- was made with the password. NTLMv2 only, as NAV's Windows has it today.

local crypto = require "navodoo.crypto"
local text = require "navodoo.text"
local digest = require "sandbox.nav.digest"

local ntlm = {}

local SIGNATURE <const> = "NTLMSSP\0"
local UNICODE <const>, OEM <const> = 1, 2
-- request target, NTLM, always sign, target type domain, extended security, target info
local FLAGS <const> = 0x00000004 | 0x00000200 | 0x00008000 | 0x00010000 | 0x00080000 | 0x00800000

local function utf16(s)
  local out = {}
  for _, c in utf8.codes(s) do
    out[#out + 1] = c < 0x10000 and string.pack("<I2", c)
      or string.pack("<I2I2", 0xd800 + (c - 0x10000 >> 10), 0xdc00 + (c - 0x10000 & 0x3ff))
  end
  return table.concat(out)
end

-- What a message is: 1, 2 or 3; nil for anything else.
local function kind_of(message)
  if not message or #message < 12 or message:sub(1, 8) ~= SIGNATURE then return nil end
  return (string.unpack("<I4", message, 9))
end

--- Message of the Authorization header, decoded, and its type.
---@param header string?
---@return string? message
---@return integer? kind  1 negotiates, 3 answers the challenge
function ntlm.read(header)
  local encoded = (header or ""):match "^[Nn][Tt][Ll][Mm]%s+(%S+)%s*$"
  local message = encoded and crypto.unbase64(encoded)
  local kind = kind_of(message)
  return kind and message or nil, kind
end

--- The challenge message for a connection. Names are in UTF-16 where the client offers that.
---@param message string    Type 1
---@param challenge string  8 bytes
---@param domain string     name of the server's domain
---@return string base64
function ntlm.challenge(message, challenge, domain)
  local wide = #message >= 16 and string.unpack("<I4", message, 13) & UNICODE ~= 0
  local name = utf16(domain)
  local info = string.pack("<I2I2", 2, #name) .. name .. string.pack("<I2I2", 1, #name) .. name
    .. string.pack("<I2I2", 0, 0)
  local head, shown = 48, wide and name or domain
  local flags = FLAGS | (wide and UNICODE or OEM)
  return assert(crypto.base64(SIGNATURE .. string.pack("<I4I2I2I4I4", 2, #shown, #shown, head, flags)
    .. challenge .. ("\0"):rep(8) .. string.pack("<I2I2I4", #info, #info, head + #shown) .. shown .. info))
end

local function field(message, at)
  if #message < at + 7 then return "" end
  local length, _, offset = string.unpack("<I2I2I4", message, at)
  return message:sub(offset + 1, offset + length)
end

-- UTF-16 of plain letters back to text; the sandbox's users have no others.
local function ascii(s) return (s:gsub("(.)%z", "%1")) end

--- Whether an answer was made with the password for this challenge.
---@param message string    Type 3
---@param challenge string  8 bytes
---@param user string
---@param password string
---@return boolean
function ntlm.accepts(message, challenge, user, password)
  local response, domain, name = field(message, 21), field(message, 29), field(message, 37)
  if #response < 40 then return false end -- 24 bytes is NTLMv1
  local wide = #message >= 64 and string.unpack("<I4", message, 61) & UNICODE ~= 0
  local given = text.upper(wide and ascii(name) or name)
  if not given or given ~= text.upper(user) then return false end
  if not wide then domain = utf16(domain) end
  local key = digest.hmac_md5(digest.md4(utf16(password)), utf16(given) .. domain)
  return crypto.equal(digest.hmac_md5(key, challenge .. response:sub(17)), response:sub(1, 16))
end

return ntlm
