--- Answers on the wire: records and lists as OData V4 JSON, refusals in their envelope.
--
-- A page of a thousand records is one flat list of text pieces joined once. Property order is page
-- order, as NAV writes it.

local json = require "navodoo.json"
local text = require "navodoo.text"
local etag = require "sandbox.nav.etag"
local relation = require "sandbox.nav.relation"

local answer = {}

local JSON_TYPE <const> = "application/json; odata.metadata=minimal"

local QUOTED <const> = { Code = true, Text = true, Option = true, Date = true, DateTime = true, GUID = true,
                         DateFormula = true }

local function quote(value)
  if value:find('[%c"\\]') then return json.encode(value) end
  return '"' .. value .. '"'
end

-- Page expressions that a page works out for each row; all others are blank here.
local COMPUTED <const> = { IntegrationCustomerNo = relation.customer_no }

local function column_of(property, state)
  local head = '"' .. property.name .. '":'
  local field = property.field
  if not field then
    local compute = COMPUTED[property.name]
    return { head = head, etag = property.etag, blank = head .. '""',
             compute = compute and function(row) return compute(state, row) end }
  end
  local quoted = QUOTED[field.type] or false
  local default = quoted and quote(field.default) or tostring(field.default)
  return { head = head, field = field.name, quoted = quoted, blank = head .. default }
end

--- The columns of an answer, made once per request.
---@param properties sandbox.nav.Property[]
---@param state table
---@return table
function answer.columns(properties, state)
  local columns = {}
  for n, property in ipairs(properties) do columns[n] = column_of(property, state) end
  return columns
end

-- Appends the pieces of one record; the last closes it.
local function add_record(pieces, n, context, table_no, key, row, version, columns)
  local chain = etag.chain(table_no, key, version)
  n = n + 1
  pieces[n] = (context and '{"@odata.context":' .. quote(context) .. ',' or "{")
    .. '"@odata.etag":' .. quote(etag.of_chain(chain))
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
    elseif column.quoted then
      pieces[n] = column.head .. quote(value)
    else
      pieces[n] = column.head .. tostring(value)
    end
  end
  pieces[n] = pieces[n] .. "}"
  return n
end

--- One record.
---@param page table
---@param t sandbox.nav.Rows
---@param key string
---@param columns table
---@param context string
---@return string body
function answer.entity(page, t, key, columns, context)
  local pieces = {}
  add_record(pieces, 0, context, page.table.no, key, t.by_key[key], t.versions[key], columns)
  return table.concat(pieces, ",")
end

--- A list.
---@param page table
---@param t sandbox.nav.Rows
---@param keys string[]
---@param columns table
---@param head { context: string, count: integer?, next_link: string? }
---@return string body
function answer.list(page, t, keys, columns, head)
  local pieces, n = {}, 0
  local table_no, by_key, versions = page.table.no, t.by_key, t.versions
  for at = 1, #keys do
    local key = keys[at]
    n = add_record(pieces, n, nil, table_no, key, by_key[key], versions[key], columns)
  end
  local body = '{"@odata.context":' .. quote(head.context)
  if head.count then body = body .. ',"@odata.count":' .. head.count end
  body = body .. ',"value":[' .. table.concat(pieces, ",") .. "]"
  if head.next_link then body = body .. ',"@odata.nextLink":' .. quote(head.next_link) end
  return body .. "}"
end

--- A response with a JSON body.
---@param status integer
---@param body string
---@param headers table?
function answer.json(status, body, headers)
  local all = { ["Content-Type"] = JSON_TYPE, ["OData-Version"] = "4.0" }
  for name, value in pairs(headers or {}) do all[name] = value end
  return { status = status, headers = all, body = body }
end

--- A response with a body of another type.
---@param status integer
---@param content_type string
---@param body string
function answer.raw(status, content_type, body)
  return { status = status, headers = { ["Content-Type"] = content_type, ["OData-Version"] = "4.0" },
           body = body }
end

--- 204.
function answer.nothing() return { status = 204, headers = { ["OData-Version"] = "4.0" }, body = "" } end

--- A refusal in the V4 envelope.
---@param refused sandbox.nav.Refusal
function answer.refused(refused)
  local message = refused.message
  if not text.valid(message) then message = message:gsub("[\128-\255]", "?") end
  local inner = json.object({ "code", "message" }, { code = refused.code, message = message })
  return answer.json(refused.http, json.encode { error = inner }, refused.headers)
end

return answer
