--- Answers on the wire: records and lists as JSON, refusals in their envelope (wire.lua).
--
-- A page of a thousand records is one flat list of text pieces joined once. Property order is page
-- order, as NAV writes it.

local etag = require "sandbox.nav.etag"
local relation = require "sandbox.nav.relation"
local wire = require "sandbox.nav.wire"

local answer = {}

local QUOTED <const> = { Code = true, Text = true, Option = true, Date = true, DateTime = true, GUID = true,
                         DateFormula = true }

local quote = wire.quote

-- Page expressions that a page works out for each row; all others are blank here.
local COMPUTED <const> = { IntegrationCustomerNo = relation.customer_no }

local function column_of(property, state, its)
  local head = '"' .. property.name .. '":'
  local field = property.field
  if not field then
    local compute = COMPUTED[property.name]
    return { head = head, etag = property.etag, blank = head .. '""',
             compute = compute and function(row) return compute(state, row) end }
  end
  local quoted = QUOTED[field.type] or false
  local show = its.show[field.type]
  local default = show and show(field.default) or quoted and quote(field.default) or tostring(field.default)
  return { head = head, field = field.name, quoted = quoted, show = show, blank = head .. default }
end

--- The columns of an answer, made once per request.
---@param properties sandbox.nav.Property[]
---@param state table
---@param its sandbox.nav.Wire
---@return table
function answer.columns(properties, state, its)
  local columns = { wire = its }
  for n, property in ipairs(properties) do columns[n] = column_of(property, state, its) end
  return columns
end

-- Appends the pieces of one record; the last closes it.
local function add_record(pieces, n, page, key, row, version, columns, head)
  local its, chain, first = columns.wire, etag.chain(page.table.no, key, version), n + 1
  local open = its.open(head, etag.of_chain(chain), key, page.service)
  if open then
    n = first
    pieces[n] = open
  end
  for at = 1, #columns do
    local column = columns[at]
    local value = column.field and row[column.field]
    n = n + 1
    if column.etag then
      pieces[n] = column.head .. quote(chain)
    elseif column.compute then
      pieces[n] = column.head .. quote(column.compute(row))
    elseif value == nil then
      pieces[n] = column.blank
    elseif column.show then
      pieces[n] = column.head .. column.show(value)
    elseif column.quoted then
      pieces[n] = column.head .. quote(value)
    else
      pieces[n] = column.head .. tostring(value)
    end
  end
  if not open then pieces[first] = "{" .. pieces[first] end
  pieces[n] = pieces[n] .. "}"
  return n
end

---@class sandbox.nav.Head
---@field context string
---@field address fun(key: string): string   of a record
---@field single boolean?
---@field count integer?
---@field next_link string?

--- One record.
---@param page table
---@param t sandbox.nav.Rows
---@param key string
---@param columns table
---@param head sandbox.nav.Head
---@return string body
function answer.entity(page, t, key, columns, head)
  local pieces = {}
  add_record(pieces, 0, page, key, t.by_key[key], t.versions[key], columns, head)
  return columns.wire.record(table.concat(pieces, ","))
end

--- A list.
---@param page table
---@param t sandbox.nav.Rows
---@param keys string[]
---@param columns table
---@param head sandbox.nav.Head
---@return string body
function answer.list(page, t, keys, columns, head)
  local pieces, n = {}, 0
  local by_key, versions = t.by_key, t.versions
  for at = 1, #keys do
    local key = keys[at]
    n = add_record(pieces, n, page, key, by_key[key], versions[key], columns, head)
  end
  return columns.wire.list(head, table.concat(pieces, ","))
end

local function with(its, more)
  local all = {}
  for name, value in pairs(its.headers) do all[name] = value end
  for name, value in pairs(more or {}) do all[name] = value end
  return all
end

--- A response with a JSON body.
---@param its sandbox.nav.Wire
---@param status integer
---@param body string
---@param headers table?
function answer.json(its, status, body, headers)
  local all = with(its, headers)
  all["Content-Type"] = its.kind
  return { status = status, headers = all, body = body }
end

--- A response with a body of another type.
---@param its sandbox.nav.Wire
---@param status integer
---@param content_type string
---@param body string
function answer.raw(its, status, content_type, body)
  return { status = status, headers = with(its, { ["Content-Type"] = content_type }), body = body }
end

--- 204.
---@param its sandbox.nav.Wire
---@param headers table?
function answer.nothing(its, headers) return { status = 204, headers = with(its, headers), body = "" } end

--- A refusal in its envelope.
---@param its sandbox.nav.Wire
---@param refused sandbox.nav.Refusal
function answer.refused(its, refused)
  local status, body = wire.refusal(its, refused)
  return answer.json(its, status, body, refused.headers)
end

return answer
