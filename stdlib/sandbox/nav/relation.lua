--- Table 5054, Contact Business Relation: which contact is which card, and how fields go from one to
-- the other (N18 codeunits 5055 to 5057).

local record = require "sandbox.nav.record"
local rows = require "sandbox.nav.rows"
local tables = require "sandbox.nav.tables"

local relation = {}

local CONTACT <const> = tables.Contact
local DEF <const> = tables["Contact Business Relation"]

--- A copy of a row.
---@param row table
---@return table
function relation.copied(row)
  local copy = {}
  for name, value in pairs(row) do copy[name] = value end
  return copy
end

--- TRANSFERFIELDS: what has the same number in both tables, number and series apart.
---@param from_def sandbox.nav.Table
---@param from table
---@param to_def sandbox.nav.Table
---@param to table   changed in place
function relation.transfer(from_def, from, to_def, to)
  for _, field in ipairs(from_def.fields) do
    for _, other in ipairs(to_def.fields) do
      if other.no == field.no and not other.flow and other.type == field.type
         and field.name ~= "No." and field.name ~= "No. Series" then
        tables.put(to, other, tables.value(from, field))
      end
    end
  end
end

--- Do two rows differ in one of these fields, where the table has it?
---@param def sandbox.nav.Table
---@param a table
---@param b table
---@param names string[]
---@return boolean
function relation.differs(def, a, b, names)
  for _, name in ipairs(names) do
    if def.by_name[name] and record.get(def, a, name) ~= record.get(def, b, name) then return true end
  end
  return false
end

--- The contact of a card: its row and number, nil when it has none.
---@param state table
---@param table_name "Customer"|"Vendor"
---@param key string
---@return table? row
---@return string? number
function relation.contact_of(state, table_name, key)
  local number = state.relations[table_name][key]
  return number and state.tables.Contact.by_key[number], number
end

--- The cards of a contact: rows of table 5054.
---@param state table
---@param number string
---@return table[]
function relation.cards_of(state, number)
  local list, t = {}, state.tables[DEF.name]
  for _, name in ipairs { "Customer", "Vendor" } do
    local row = t.by_key[number .. "\0" .. state.setup.marketing[name]]
    if row then list[#list + 1] = row end
  end
  return list
end

--- Says which contact a card is. Also for data that is there from the start.
---@param state table
---@param table_name "Customer"|"Vendor"
---@param key string
---@param number string   of the contact
function relation.relate(state, table_name, key, number)
  local row = {}
  record.set(DEF, row, "Contact No.", number)
  record.set(DEF, row, "Business Relation Code", state.setup.marketing[table_name])
  record.set(DEF, row, "Link to Table", table_name)
  record.set(DEF, row, "No.", key)
  rows.put(state, state.tables[DEF.name], tables.key(DEF, row), row)
  state.relations[table_name][key] = number
end

--- The customer of a person's company: what page 5050 shows as IntegrationCustomerNo.
---@param state table
---@param row table
---@return string
function relation.customer_no(state, row)
  if record.get(CONTACT, row, "Type") ~= "Person" or record.get(CONTACT, row, "Company No.") == "" then return "" end
  for _, card in ipairs(relation.cards_of(state, record.get(CONTACT, row, "Company No."))) do
    if card["Link to Table"] == "Customer" then return card["No."] end
  end
  return ""
end

--- Forgets which contact a card was.
---@param context sandbox.nav.Context
---@param def sandbox.nav.Table
---@param key string
function relation.forget(context, def, key)
  local state = context.state
  local _, number = relation.contact_of(state, def.name, key)
  if not number then return end
  local row = number .. "\0" .. state.setup.marketing[def.name]
  if state.tables[DEF.name].by_key[row] then rows.delete(state, state.tables[DEF.name], row) end
  state.relations[def.name][key] = nil
end

return relation
