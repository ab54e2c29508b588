--- What a command prints: tables for people, JSON for machines.
--
-- Results go to stdout, complaints to stderr with one line first. Colour only on a
-- terminal, and never when NO_COLOR is set.

local fs = require "navodoo.fs"
local json = require "navodoo.json"
local text = require "navodoo.text"

local out = { VERSION = "0.1.0" }

local function colours(fd)
  return fs.terminal(fd) ~= nil and os.getenv("NO_COLOR") == nil
end

--- Writes one line to stdout.
function out.line(format, ...)
  io.stdout:write(select("#", ...) > 0 and format:format(...) or format, "\n")
end

--- Writes a complaint to stderr: `navodoo: ...`.
function out.complain(format, ...)
  local message = select("#", ...) > 0 and format:format(...) or format
  local mark = colours(2) and "\27[31mnavodoo:\27[0m " or "navodoo: "
  io.stderr:write(mark, message, "\n")
end

--- Reads ADDRESS:PORT; without an address it is 127.0.0.1.
---@param address string
---@return string|nil host
---@return integer|nil port
function out.address(address)
  local host, port = address:match "^(.-):(%d+)$"
  port = port and #port <= 5 and math.tointeger(tonumber(port))
  if not port or port > 65535 then return nil end
  return host ~= "" and host or "127.0.0.1", port
end

--- Writes a value as JSON.
function out.json(value) io.stdout:write(assert(json.encode(value)), "\n") end

--- An instant as a person reads it: to the second.
---@param iso string
---@return string
function out.instant(iso)
  return (iso:gsub("^(%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d)%.%d+Z$", "%1Z"))
end

local function cell(value)
  if value == nil or value == json.null then return "" end
  return (out.instant(tostring(value)):gsub("[%c]", " "))
end

--- Writes rows as a table with a heading; wide cells are cut on a terminal only.
---@param columns { [1]: string, [2]: string|nil }[]  field and heading
---@param rows table[]
function out.table(columns, rows)
  local width, limit = {}, fs.terminal(1)
  for i, c in ipairs(columns) do width[i] = text.length(c[2] or c[1]) end
  for _, row in ipairs(rows) do
    for i, c in ipairs(columns) do
      width[i] = math.max(width[i], text.length(cell(row[c[1]])))
    end
  end
  local function print_row(get)
    local parts = {}
    for i in ipairs(columns) do
      local value = get(i)
      local pad = i < #columns and (" "):rep(width[i] - text.length(value)) or ""
      parts[i] = value .. pad
    end
    local line = table.concat(parts, "  ")
    if limit and text.length(line) > limit then line = text.truncate(line, limit - 1) .. "…" end
    io.stdout:write((line:gsub("%s+$", "")), "\n")
  end
  print_row(function(i) return (columns[i][2] or columns[i][1]):upper() end)
  for _, row in ipairs(rows) do
    print_row(function(i) return cell(row[columns[i][1]]) end)
  end
end

--- What a flow did, in words, from its counters.
---@param c table<string, integer>
---@return string
function out.counts(c)
  return ("%d read, %d created, %d adopted, %d updated, %d unchanged, %d for review, %d dead letters"):format(
    c.read or 0, c.created or 0, c.adopted or 0, c.updated or 0,
    (c.read or 0) - (c.changed or 0) + (c.unchanged or 0), c.review or 0, c.dead or 0)
end

--- Says how to go on when a list was cut at its limit.
---@param rows { id: integer }[]
---@param limit integer
function out.more(rows, limit)
  if #rows > 0 and #rows >= limit then out.line("there may be more: --after %d", rows[#rows].id) end
end

return out
