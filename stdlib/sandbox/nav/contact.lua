--- Table 5050, Contact, and how cards and contacts keep each other in step (N18 Table 5050,
-- codeunits 5055 to 5057).
--
-- With Marketing Setup's codes for business relations filled in, a new customer or vendor gets a
-- company contact; a change of either goes to the other. A person of a company inherits what it
-- has not, and follows the company while it still says the same.

local text = require "navodoo.text"
local record = require "sandbox.nav.record"
local refusal = require "sandbox.nav.refusal"
local relation = require "sandbox.nav.relation"
local rows = require "sandbox.nav.rows"
local series = require "sandbox.nav.series"
local tables = require "sandbox.nav.tables"
local values = require "sandbox.nav.values"

local contact = { def = tables.Contact, series = "contact" }

local DEF <const> = tables.Contact
local copied, transfer, differs = relation.copied, relation.transfer, relation.differs
local contact_of, cards_of = relation.contact_of, relation.cards_of

local function get(row, name) return record.get(DEF, row, name) end
local function set(row, name, value) record.set(DEF, row, name, value) end

-- Names ------------------------------------------------------------------------------------------------

local function cut(value, name) return text.truncate(value, DEF.by_name[name].length) end

-- NameBreakdown: the last word is the surname, the one before it (of three or more) the middle name.
local function name_breakdown(row)
  if get(row, "Type") == "Company" then return end
  local words, first = {}, {}
  for word in get(row, "Name"):gmatch "[^ ]+" do words[#words + 1] = word end
  local n = #words
  for i = 1, n do
    local surname, middle = i == n and n > 1, i == n - 1 and n > 2
    if not surname and not middle then first[#first + 1] = words[i] end
  end
  set(row, "First Name", cut(table.concat(first, " "), "First Name"))
  set(row, "Middle Name", cut(n > 2 and words[n - 1] or "", "Middle Name"))
  set(row, "Surname", cut(n > 1 and words[n] or "", "Surname"))
end

local function name_changed(context, row, old)
  local search = get(row, "Search Name")
  if search == "" or search == text.upper(get(old, "Name")) then
    set(row, "Search Name", values.code(get(row, "Name")))
  end
  if get(row, "Type") == "Company" then
    set(row, "Company Name", get(row, "Name"))
    return
  end
  for _, link in ipairs(cards_of(context.state, get(row, "Company No."))) do
    local def, t = tables[link["Link to Table"]], context.state.tables[link["Link to Table"]]
    local card = t and t.by_key[link["No."]]
    if card and get(row, "No.") ~= "" and card["Primary Contact No."] == get(row, "No.") then
      local changed = copied(card)
      record.set(def, changed, "Contact", get(row, "Name"))
      rows.put(context.state, t, link["No."], changed)
    end
  end
end

local function calculated_name(context, row, old)
  local parts = {}
  for _, name in ipairs { "First Name", "Middle Name", "Surname" } do
    if get(row, name) ~= "" then parts[#parts + 1] = get(row, name) end
  end
  set(row, "Name", cut(table.concat(parts, " "), "Name"))
  return name_changed(context, row, old)
end

-- Persons of a company -----------------------------------------------------------------------------------

local CODES <const> = { "Salesperson Code", "Territory Code", "Country/Region Code", "Language Code" }
local ADDRESS <const> = { "Address", "Address 2", "Post Code", "City" }
local CALLS <const> = { "Phone No.", "Fax No.", "E-Mail", "Home Page", "Mobile Phone No." }

-- InheritCompanyToPersonData, with every Inherit flag of Marketing Setup on, as in CRONUS.
local function inherit(context, row, old, company)
  set(row, "Company Name", get(company, "Name"))
  for _, name in ipairs(CODES) do set(row, name, get(company, name)) end
  local before = context.state.tables.Contact.by_key[get(old, "Company No.")]
  if not differs(DEF, row, {}, ADDRESS) or before and not differs(DEF, row, before, ADDRESS) then
    for _, name in ipairs(ADDRESS) do set(row, name, get(company, name)) end
    set(row, "County", get(company, "County"))
  end
  for _, name in ipairs(CALLS) do
    if get(row, name) == "" or before and get(row, name) == get(before, name) then
      set(row, name, get(company, name))
    end
  end
end

-- The persons follow in what they shared with the company until now.
local function persons_follow(context, row, old)
  local state = context.state
  local t = state.tables.Contact
  for _, key in ipairs(t.keys) do
    local person = t.by_key[key]
    if get(person, "Type") == "Person" and get(person, "Company No.") == get(row, "No.") then
      local changed = copied(person)
      if get(row, "Name") ~= get(old, "Name") then set(changed, "Company Name", get(row, "Name")) end
      local same_address = not differs(DEF, old, person, ADDRESS)
      for _, list in ipairs { CODES, same_address and ADDRESS or {}, CALLS } do
        for _, name in ipairs(list) do
          local same = list == ADDRESS or get(person, name) == get(old, name)
          if same and get(row, name) ~= get(old, name) then set(changed, name, get(row, name)) end
        end
      end
      local follows = differs(DEF, changed, person, CODES) or differs(DEF, changed, person, ADDRESS)
        or differs(DEF, changed, person, CALLS) or differs(DEF, changed, person, { "Company Name" })
      if follows then
        record.stamp(DEF, changed, context.now)
        rows.put(state, t, key, changed)
      end
    end
  end
end

-- Triggers -------------------------------------------------------------------------------------------------

local own = {}

own["No."] = function(context, row, old)
  if get(row, "No.") == get(old, "No.") then return end
  local refused = series.test_manual(context.state, "contact")
  if refused then return refused end
  set(row, "No. Series", "")
end

own["Name"] = function(context, row, old)
  name_breakdown(row)
  return name_changed(context, row, old)
end

for _, name in ipairs { "First Name", "Middle Name", "Surname" } do own[name] = calculated_name end

own["Company No."] = function(context, row, old)
  local company = context.state.tables.Contact.by_key[get(row, "Company No.")]
  if company then inherit(context, row, old, company) else set(row, "Company Name", "") end
  if get(row, "Company No.") == get(old, "Company No.") or get(row, "Type") == "Person" then return end
  return refusal.test_value("Type", "Person", DEF.name, tables.key_text(DEF, get(row, "No.")), get(row, "Type"))
end

-- GetCompNo: by number, else by name, by its beginning, by any part of it that only one has.
local function company_by_name(state, wanted)
  local t = state.tables.Contact
  if t.by_key[values.code(wanted)] then return values.code(wanted) end
  local folded, exact, begins, holds = text.lower(wanted), nil, nil, {}
  for _, key in ipairs(t.keys) do
    local row = t.by_key[key]
    if get(row, "Type") == "Company" then
      local name = text.lower(get(row, "Name"))
      if name == folded then exact = exact or key end
      if name:sub(1, #folded) == folded then begins = begins or key end
      if name:find(folded, 1, true) then holds[#holds + 1] = key end
    end
  end
  return exact or begins or #holds == 1 and holds[1] or nil
end

own["Company Name"] = function(context, row, old)
  local wanted, number = get(row, "Company Name"), ""
  if wanted ~= "" then
    number = company_by_name(context.state, wanted)
    if not number then return refusal.dialog "You must select an existing contact." end
  end
  return record.validate(contact, context, row, old, "Company No.", number)
end

own["Privacy Blocked"] = function(_, row)
  if not get(row, "Privacy Blocked") and get(row, "Minor") and not get(row, "Parental Consent Received") then
    return refusal.dialog("Privacy Blocked cannot be cleared until Parental Consent Received is set to true"
      .. " for minor contact %s.", get(row, "No."))
  end
end

own["Minor"] = function(_, row)
  if get(row, "Minor") then set(row, "Privacy Blocked", true) end
end

own["Parental Consent Received"] = function(_, row) set(row, "Privacy Blocked", true) end

contact.trigger = record.triggers(DEF, own)

--- Page 5050's variable (N18 Page 5050; hidden there, so meant for web services): a person joins the
--- company contact of a customer, or leaves its company.
contact.variables = {
  IntegrationCustomerNo = function(context, row, old, value)
    if value == "" then return record.validate(contact, context, row, old, "Company No.", "") end
    if not context.state.tables.Customer.by_key[value] then
      return refusal.record_not_found(tables.Customer, value)
    end
    local _, company = contact_of(context.state, "Customer", value)
    if company then return record.validate(contact, context, row, old, "Company No.", company) end
  end,
}

-- Writing ----------------------------------------------------------------------------------------------------

-- TypeChange, for a new record.
local function type_set(row)
  if get(row, "Type") == "Company" then
    for _, name in ipairs { "First Name", "Middle Name", "Surname" } do set(row, name, "") end
    set(row, "Company No.", get(row, "No."))
    set(row, "Company Name", get(row, "Name"))
    set(row, "Lookup Contact No.", "")
    return
  end
  for _, name in ipairs { "Currency Code", "VAT Registration No." } do
    if get(row, name) ~= "" then
      return refusal.test_value(name, "", DEF.name, tables.key_text(DEF, get(row, "No.")), get(row, name))
    end
  end
  set(row, "Lookup Contact No.", get(row, "No."))
end

function contact.on_insert(context, row)
  local marketing = context.state.setup.marketing
  if get(row, "Salutation Code") == "" then
    set(row, "Salutation Code", get(row, "Type") == "Company" and marketing.company_salutation or
      marketing.person_salutation)
  end
  local refused = type_set(row)
  if refused then return refused end
  record.stamp(DEF, row, context.now)
end

function contact.on_modify(context, row) record.stamp(DEF, row, context.now) end

local WATCHED <const> = { -- IsUpdateNeeded and IsContactUpdateNeeded ask for the same fields
  "Name", "Search Name", "Name 2", "Address", "Address 2", "City", "Phone No.", "Telex No.", "Territory Code",
  "Currency Code", "Language Code", "Salesperson Code", "Country/Region Code", "Fax No.", "VAT Registration No.",
  "Post Code", "County", "E-Mail", "Home Page", "Type",
}

-- Codeunit 5055: the cards of the contact take over its fields, by MODIFY without its trigger.
local function cards_follow(context, row, skip)
  local state = context.state
  for _, link in ipairs(cards_of(state, get(row, "No."))) do
    local name, key = link["Link to Table"], link["No."]
    local def, t = tables[name], state.tables[name]
    local card = t and t.by_key[key]
    if card and skip ~= name .. key then
      local changed = copied(card)
      transfer(DEF, row, def, changed)
      if name == "Vendor" then record.set(def, changed, "Purchaser Code", record.get(def, card, "Purchaser Code")) end
      rows.put(state, t, key, changed)
    end
  end
end

function contact.after_modify(context, row, old)
  if differs(DEF, row, old, WATCHED) then cards_follow(context, row) end
  if get(row, "Type") == "Company" then persons_follow(context, row, old) end
end

function contact.on_delete(context, key)
  for _, link in ipairs(cards_of(context.state, key)) do
    relation.forget(context, tables[link["Link to Table"]], link["No."])
  end
  local t, persons = context.state.tables.Contact, {}
  for _, other in ipairs(t.keys) do
    local row = t.by_key[other]
    if other ~= key and get(row, "Type") == "Person" and get(row, "Company No.") == key then
      persons[#persons + 1] = other
    end
  end
  for _, other in ipairs(persons) do rows.delete(context.state, t, other) end
end

-- From the cards ---------------------------------------------------------------------------------------------

--- The company contact of a new card: codeunits 5056 and 5057, OnInsert.
---@param context sandbox.nav.Context
---@param def sandbox.nav.Table
---@param card table
function contact.of_card(context, def, card)
  local state = context.state
  if state.setup.marketing[def.name] == "" then return end
  local number, _, code = series.next(state, "contact")
  if not number then return end
  local row = {}
  transfer(def, card, DEF, row)
  set(row, "No.", number)
  set(row, "No. Series", code)
  set(row, "Type", "Company")
  type_set(row)
  record.stamp(DEF, row, context.now)
  series.used(state, code, number)
  rows.put(state, state.tables.Contact, number, row)
  relation.relate(state, def.name, record.get(def, card, "No."), number)
end

--- The company contact follows a changed card, and what else hangs on it: OnModify.
---@param context sandbox.nav.Context
---@param def sandbox.nav.Table
---@param card table
---@param old table
function contact.from_card(context, def, card, old)
  if not differs(def, card, old, WATCHED) then return end
  local state, key = context.state, record.get(def, card, "No.")
  local before, number = contact_of(state, def.name, key)
  if not before then return end
  local row = copied(before)
  transfer(def, card, DEF, row)
  if def.name == "Vendor" then set(row, "Salesperson Code", get(before, "Salesperson Code")) end
  set(row, "Company Name", get(row, "Name"))
  record.stamp(DEF, row, context.now)
  rows.put(state, state.tables.Contact, number, row)
  cards_follow(context, row, def.name .. key)
  persons_follow(context, row, before)
end

--- The trigger of Primary Contact No.: a person of the card's company, who lends name and numbers.
---@param context sandbox.nav.Context
---@param def sandbox.nav.Table
---@param card table   changed in place
---@return sandbox.nav.Refusal?
function contact.primary(context, def, card)
  record.set(def, card, "Contact", "")
  local number = record.get(def, card, "Primary Contact No.")
  if number == "" then return end
  local person, key = context.state.tables.Contact.by_key[number], record.get(def, card, "No.")
  local _, company = contact_of(context.state, def.name, key)
  if not company then return refusal.not_in_filter "Contact Business Relation" end
  if get(person, "Company No.") ~= company then
    return refusal.dialog("Contact %s %s is not related to %s %s %s.", number, get(person, "Name"),
      def.name:lower(), key, record.get(def, card, "Name"))
  end
  if get(person, "Type") == "Person" then record.set(def, card, "Contact", get(person, "Name")) end
  for _, name in ipairs { "Phone No.", "E-Mail" } do
    if get(person, name) ~= "" then record.set(def, card, name, get(person, name)) end
  end
end

return contact
