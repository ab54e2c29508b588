--- MD4, MD5 and HMAC-MD5 (RFC 1320, 1321, 2104): what NTLM is made of, for the sandbox only.

local digest = {}

local MASK <const> = 0xffffffff

local function rotate(x, n) return ((x << n) | ((x & MASK) >> (32 - n))) & MASK end

-- The message with its padding; both digests count bits in 64, low byte first.
local function padded(s)
  return s .. "\x80" .. ("\0"):rep((55 - #s) % 64) .. string.pack("<I8", #s * 8)
end

local function run(s, round)
  local message = padded(s)
  local a, b, c, d = 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476
  for at = 1, #message, 64 do
    local x = { string.unpack("<" .. ("I4"):rep(16), message, at) }
    local a2, b2, c2, d2 = round(x, a, b, c, d)
    a, b, c, d = (a + a2) & MASK, (b + b2) & MASK, (c + c2) & MASK, (d + d2) & MASK
  end
  return string.pack("<I4I4I4I4", a, b, c, d)
end

local ORDER4 <const> = {
  { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
  { 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15 },
  { 0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15 },
}
local SHIFT4 <const> = { { 3, 7, 11, 19 }, { 3, 5, 9, 13 }, { 3, 9, 11, 15 } }
local ADD4 <const> = { 0, 0x5a827999, 0x6ed9eba1 }
local MIX4 <const> = {
  function(b, c, d) return (b & c) | (~b & d) end,
  function(b, c, d) return (b & c) | (b & d) | (c & d) end,
  function(b, c, d) return b ~ c ~ d end,
}

local function round4(x, a, b, c, d)
  for step = 1, 3 do
    local order, shift, mix = ORDER4[step], SHIFT4[step], MIX4[step]
    for i = 1, 16 do
      local sum = (a + mix(b, c, d) + x[order[i] + 1] + ADD4[step]) & MASK
      a, b, c, d = d, rotate(sum, shift[(i - 1) % 4 + 1]), b, c
    end
  end
  return a, b, c, d
end

local SHIFT5 <const> = { { 7, 12, 17, 22 }, { 5, 9, 14, 20 }, { 4, 11, 16, 23 }, { 6, 10, 15, 21 } }
local SINES <const> = {}
for i = 1, 64 do SINES[i] = math.floor(math.abs(math.sin(i)) * 2 ^ 32) end
local MIX5 <const> = {
  function(b, c, d) return (b & c) | (~b & d) end,
  function(b, c, d) return (b & d) | (c & ~d) end,
  function(b, c, d) return b ~ c ~ d end,
  function(b, c, d) return c ~ (b | (~d & MASK)) end,
}
local WORD5 <const> = {
  function(i) return i end, function(i) return (5 * i + 1) % 16 end,
  function(i) return (3 * i + 5) % 16 end, function(i) return 7 * i % 16 end,
}

local function round5(x, a, b, c, d)
  for step = 1, 4 do
    local shift, mix, word = SHIFT5[step], MIX5[step], WORD5[step]
    for i = 0, 15 do
      local sum = (a + mix(b, c, d) + x[word(i) + 1] + SINES[(step - 1) * 16 + i + 1]) & MASK
      a, b, c, d = d, (b + rotate(sum, shift[i % 4 + 1])) & MASK, b, c
    end
  end
  return a, b, c, d
end

--- 16 bytes.
---@param s string
---@return string
function digest.md4(s) return run(s, round4) end

--- 16 bytes.
---@param s string
---@return string
function digest.md5(s) return run(s, round5) end

--- 16 bytes.
---@param key string
---@param s string
---@return string
function digest.hmac_md5(key, s)
  if #key > 64 then key = digest.md5(key) end
  key = key .. ("\0"):rep(64 - #key)
  local function with(byte)
    return (key:gsub(".", function(c) return string.char(c:byte() ~ byte) end))
  end
  return digest.md5(with(0x5c) .. digest.md5(with(0x36) .. s))
end

return digest
