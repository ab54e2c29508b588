--- Row version tags: NAV's key chain as text, as OData ETag, and what an If-Match header says.
--
-- A chain is a row of length-prefixed texts: a base64 bookmark (table number, key fields), the row
-- version, an empty end. The ETag is the chain, percent-encoded, in `W/"'` and `'"`.

local crypto = require "navodoo.crypto"
local tables = require "sandbox.nav.tables"

local etag = {}

local function utf16le(text)
  local out = {}
  for _, code in utf8.codes(text) do
    if code > 0xFFFF then
      code = code - 0x10000
      out[#out + 1] = string.pack("<I2", 0xD800 + (code >> 10))
      code = 0xDC00 + (code & 0x3FF)
    end
    out[#out + 1] = string.pack("<I2", code)
  end
  return table.concat(out)
end

local marks, marks_n = {}, 0 -- bookmarks made lately, by table number and key

-- A Code: its kind (the number of digits where there is nothing else) and UTF-16 text.
local function code_mark(part)
  local kind = part:find("^%d+$") and #part or 0xFF
  return "\x02\x7B" .. string.char(kind) .. utf16le(part)
end

local function bookmark(table_no, key)
  local name = table_no .. "/" .. key
  local text = marks[name]
  if not text then
    local fields = {}
    for n, part in ipairs(tables.key_parts(key)) do fields[n] = code_mark(part) end
    local raw = string.pack("<i4", table_no) .. table.concat(fields, "\0\0")
    local base64 = crypto.base64(raw .. "\0\0\0\0")
    text = #base64 .. ";" .. base64
    if marks_n >= 20000 then marks, marks_n = {}, 0 end
    marks[name], marks_n = text, marks_n + 1
  end
  return text
end

--- The chain of a record: what SOAP calls its Key and V3 its ETag property.
---@param table_no integer
---@param key string       of the row; all key fields here are Codes
---@param version integer
---@return string
function etag.chain(table_no, key, version)
  local digits = tostring(version)
  return bookmark(table_no, key) .. #digits .. ";" .. digits .. "0;"
end

local ENCODED <const> = { [";"] = "%3B", ["/"] = "%2F", ["="] = "%3D", ["+"] = "%2B" }

--- The ETag header value and `@odata.etag` of a chain.
---@param chain string
---@return string
function etag.of_chain(chain)
  return "W/\"'" .. chain:gsub("[;/=+]", ENCODED) .. "'\""
end

--- The chain that an If-Match value names, "*" for any, nil when it is none.
---@param header string?
---@return string?
function etag.parse(header)
  if not header then return nil end
  local text = header:match("^%s*(.-)%s*$")
  if text == "*" then return "*" end
  local inner = text:match("^W/\"'(.*)'\"$") or text:match("^\"'(.*)'\"$")
  if not inner then return nil end
  return (inner:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

return etag
