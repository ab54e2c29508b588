--- The people of a simulated day: they make, change, block and delete records of every kind in NAV
-- and in Odoo, now and then the same one on both sides.
--
-- What is made in Odoo bears a mark that nobody else has and nobody changes, so that it is found
-- again in NAV without asking navodoo: a town; for persons, whose address is that of their firm, the
-- name. What a person deletes is remembered by NAV's key.

local json = require "navodoo.json"
local nav = require "sandbox.nav"
local odoo = require "sandbox.odoo"
local server = require "sandbox.server"

local people = {}
people.__index = people

local NAMES <const> = { "Größer & Söhne", "Nordlicht Handel", "Ångström Teknik", "Łódź Meble", "O'Neill" }
local LATE_MS <const> = 200 * 1000 -- longest transaction; the engine allows for five minutes

--- The tables of NAV by kind of record.
people.TABLES = { customer = "Customer", vendor = "Vendor", contact = "Contact", ship_to = "Ship-to Address" }
local KINDS <const> = { "customer", "vendor", "contact", "ship_to" }

---@param sides table    nav and odoo: { state = }
---@param control fun(side: string, path: string, body: table): boolean, string?
---@param random fun(limit: integer): integer
---@param may_delete boolean
function people.new(sides, control, random, may_delete)
  return setmetatable({ sides = sides, control = control, random = random, may_delete = may_delete, n = 0,
                        born = {}, deleted = {}, gone_marks = {}, last = nil, said = { nav = {}, odoo = {} } }, people)
end

function people:name()
  self.n = self.n + 1
  return NAMES[1 + self.random(#NAMES)] .. " " .. 10000 + self.n
end

function people:pick(list) return list[1 + self.random(#list)] end

--- Looks at both systems anew.
---@param closely boolean?  all fields of the partners, not only those that say whose they are
function people:look(closely)
  self.seen, self.by_id, self.list = {}, {}, {}
  local state = self.sides.odoo.state
  if closely then
    self.list = odoo.dump(state, "res.partner")
  else
    for _, row in state:table("res.partner"):each() do self.list[#self.list + 1] = row end
  end
  for _, p in ipairs(self.list) do self.by_id[p.id] = p end
end

--- NAV's records of a kind that people work with; for contacts: persons.
function people:cards(kind)
  if self.seen[kind] then return self.seen[kind] end
  local list = {}
  for _, row in ipairs(nav.dump(self.sides.nav.state, people.TABLES[kind])) do
    if kind ~= "contact" or row.Type == "Person" then list[#list + 1] = row end
  end
  self.seen[kind] = list
  return list
end

function people:partners() return self.list end

--- NAV's key of a card as text.
function people.key_of(kind, row)
  return kind == "ship_to" and row.Customer_No .. "," .. row.Code or row.No
end

--- The mark of a card, as a name.
function people.mark_of(kind, row) return kind .. " " .. (kind == "contact" and row.Name or row.City) end

local function wire_key(kind, row)
  return kind == "ship_to" and json.array { row.Customer_No, row.Code } or row.No
end

local function is(value) return value ~= nil and value ~= false and value ~= json.null and value ~= "" end

--- Kinds that a partner stands for.
function people.kinds_of(p)
  if is(p.parent_id) then return { p.type == "delivery" and "ship_to" or "contact" } end
  local kinds = {}
  if (p.customer_rank or 0) > 0 then kinds[1] = "customer" end
  if (p.supplier_rank or 0) > 0 then kinds[#kinds + 1] = "vendor" end
  return kinds
end

--- The company contact of a customer.
function people:company_of(customer) return self.sides.nav.state.relations.Customer[customer] end

--- Customers that a new child may get: nobody has deleted them.
function people:parents()
  local list = {}
  for _, row in ipairs(self:cards "customer") do
    if not self.deleted["customer/" .. row.No] and row.Blocked ~= "All" then list[#list + 1] = row end
  end
  return list
end

-- ---- in NAV --------------------------------------------------------------------------------

local insert = {}

function insert:customer(no)
  return no, { Name = self:name(), City = "Graz", Country_Region_Code = "AT", Customer_Posting_Group = "EU" }
end

function insert:vendor(no)
  return no, { Name = self:name(), City = "Linz", Country_Region_Code = "AT", Vendor_Posting_Group = "EU" }
end

function insert:contact(no)
  local parent = self:pick(self:parents())
  return no, json.object({ "Type", "Name", "Company No.", "City" },
    { Type = "Person", Name = self:name(), ["Company No."] = self:company_of(parent.No), City = "Wels" })
end

function insert:ship_to(no)
  return json.array { self:pick(self:parents()).No, no }, { City = "Steyr", Address = "Tor " .. self.n }
end

--- How long ago a person's work began that is committed now; nil mostly.
function people:late() return self.random(3) == 0 and self.random(LATE_MS) or nil end

--- In Odoo a transaction that began before another one's commit cannot write its rows.
function people:late_in_odoo()
  local late, newest = self:late(), 0
  for _, p in ipairs(self.list) do newest = math.max(newest, p.write_date) end
  return late and server.clock.now() - late * 1000 > newest and late or nil
end

function people:make_in_nav(kind)
  self.n = self.n + 1
  local key, fields = insert[kind](self, ("SIM%03d"):format(self.n))
  assert(self.control("nav", "edit", { table = people.TABLES[kind], key = key, insert = true, fields = fields,
                                       late_ms = self:late() }))
end

--- What people change on a card; a vendor that is a customer, too, is changed on the customer card.
function people:changes(kind, row)
  local list = { { Phone_No = "+43 316 " .. 100000 + self.random(900000) }, { Address = "Gasse " .. self.random(200) },
                 { E_Mail = "n" .. self.n .. "x" .. self.random(1000) .. "@example.com" } }
  if kind ~= "contact" then list[#list + 1] = { Name = self:name() } end
  if kind == "customer" then list[#list + 1] = { Credit_Limit_LCY = self.random(100) * 100 } end
  if (kind == "customer" or kind == "vendor") and not row.Privacy_Blocked then -- which NAV lets nobody undo here
    list[#list + 1] = { Blocked = row.Blocked == " " and (self.random(3) == 0 and "All" or
                        kind == "customer" and "Ship" or "Payment") or " " }
  end
  return self:pick(list)
end

local COMMON <const> = { Phone_No = "phone", Address = "street", E_Mail = "email", Name = "name" }

--- Remembers what was said last of a field: NAV's by the card, Odoo's by the partner.
function people:note(side, record, fields)
  for field, value in pairs(fields) do self.said[side][record .. "." .. (COMMON[field] or field)] = value end -- by name
end

function people:edit_in_nav(kind)
  local list = {}
  for _, row in ipairs(self:cards(kind)) do
    local followed = kind == "vendor" and (self.both[row.No] or row.No:find "^O") -- may follow a customer card
    if not self.deleted[kind .. "/" .. people.key_of(kind, row)] and not followed then
      list[#list + 1] = row
    end
  end
  if #list == 0 then return end
  local row = self:pick(list)
  local fields = self:changes(kind, row)
  self.last = { kind = kind, key = people.key_of(kind, row) }
  self:note("nav", kind .. "/" .. self.last.key, fields)
  assert(self.control("nav", "edit", { table = people.TABLES[kind], key = wire_key(kind, row), fields = fields,
                                       late_ms = self:late() }))
end

--- Deletes a card that hangs on nothing: made today, or a child.
function people:delete_in_nav(kind)
  local list = {}
  for _, row in ipairs(self:cards(kind)) do
    local key = people.key_of(kind, row)
    local free = kind == "ship_to" or kind == "contact" or key:find "^SIM" and not self:has_children(key)
    if free and not self.deleted[kind .. "/" .. key] then list[#list + 1] = row end
  end
  if #list == 0 then return end
  local row = self:pick(list)
  if self.control("nav", "edit", { table = people.TABLES[kind], key = wire_key(kind, row), delete = true }) then
    self.deleted[kind .. "/" .. people.key_of(kind, row)] = "nav"
    self.gone_marks[people.mark_of(kind, row)] = true
  end
end

function people:has_children(customer)
  for _, row in ipairs(self:cards "ship_to") do
    if row.Customer_No == customer then return true end
  end
  local company = self:company_of(customer)
  for _, row in ipairs(self:cards "contact") do
    if row.Company_No == company then return true end
  end
  for _, p in ipairs(self:partners()) do
    if is(p.parent_id) and self:parent_ref(p) == customer then return true end
  end
  return false
end

-- ---- in Odoo --------------------------------------------------------------------------------

--- The reference of a child's parent, "" when it has none.
function people:parent_ref(p)
  local parent = self.by_id[p.parent_id]
  return parent and is(parent.ref) and parent.ref or ""
end

--- NAV's key of a partner as a record of `kind`, by its reference; nil while it has none.
function people:nav_key(kind, p)
  if not is(p.ref) then return nil end
  if kind ~= "ship_to" then return p.ref end
  return self:parent_ref(p) .. "," .. p.ref
end

--- Partners that take part, as { kind =, partner = }.
function people:members()
  local list = {}
  for _, p in ipairs(self:partners()) do
    for _, kind in ipairs(people.kinds_of(p)) do
      local key = self:nav_key(kind, p)
      if not (key and self.deleted[kind .. "/" .. key]) then list[#list + 1] = { kind = kind, partner = p } end
    end
  end
  return list
end

function people:make_in_odoo(kind)
  local fields = { name = self:name() }
  fields.city = "Odoostadt " .. self.n
  local kinds = { kind }
  if kind == "customer" or kind == "vendor" then
    if self.random(4) == 0 then kinds = { "customer", "vendor" } end -- one partner, two cards
    for _, each in ipairs(kinds) do fields[each == "customer" and "customer_rank" or "supplier_rank"] = 1 end
  else
    local parents = {}
    for _, m in ipairs(self:members()) do
      if m.kind == "customer" and m.partner.active then parents[#parents + 1] = m.partner end
    end
    if #parents == 0 then return end
    fields.parent_id, fields.type = self:pick(parents).id, kind == "ship_to" and "delivery" or "contact"
  end
  assert(self.control("odoo", "edit", { model = "res.partner", insert = true, fields = fields,
                                        late_ms = self:late_in_odoo() }))
  for _, each in ipairs(kinds) do
    self.born[#self.born + 1] = people.mark_of(each, { Name = fields.name, City = fields.city })
  end
end

function people:edit_in_odoo()
  local members, chosen = self:members(), nil
  if #members == 0 then return end
  if self.last and self.random(2) == 0 then -- crosses the last edit in NAV
    for _, m in ipairs(members) do
      if m.kind == self.last.kind and self:nav_key(m.kind, m.partner) == self.last.key then chosen = m end
    end
  end
  chosen = chosen or self:pick(members)
  local list = { { phone = "+49 30 " .. 100000 + self.random(900000) }, { street = "Weg " .. self.random(200) },
                 { email = "o" .. self.n .. "x" .. self.random(1000) .. "@example.com" } }
  if chosen.kind ~= "contact" then list[#list + 1] = { name = self:name() } end
  if not is(chosen.partner.parent_id) and is(chosen.partner.ref) then
    list[#list + 1] = { active = not chosen.partner.active }
  end
  local fields = self:pick(list)
  self:note("odoo", tostring(chosen.partner.id), fields)
  assert(self.control("odoo", "edit", { model = "res.partner", key = chosen.partner.id, fields = fields,
                                        late_ms = self:late_in_odoo() }))
end

--- Deletes a partner without children and with one card at most.
function people:delete_in_odoo()
  local list = {}
  for _, m in ipairs(self:members()) do
    local key = self:nav_key(m.kind, m.partner)
    if key and #people.kinds_of(m.partner) == 1 and m.kind ~= "vendor" and
       not (m.kind == "customer" and self:has_children(key)) then
      list[#list + 1] = m
    end
  end
  if #list == 0 then return end
  local m = self:pick(list)
  if self.control("odoo", "edit", { model = "res.partner", key = m.partner.id, delete = true }) then
    self.deleted[m.kind .. "/" .. self:nav_key(m.kind, m.partner)] = "odoo"
  end
end

--- Somebody does something.
function people:work(turn)
  self:look()
  local dice = self.random(20)
  local kind = KINDS[1 + self.random(#KINDS)]
  if turn % 2 == 0 then
    if dice < 4 then return self:make_in_odoo(kind) end
    if dice < 6 and self.may_delete then return self:delete_in_odoo() end
    return self:edit_in_odoo()
  end
  if dice < 4 then return self:make_in_nav(kind) end
  if dice < 6 and self.may_delete then return self:delete_in_nav(kind) end
  return self:edit_in_nav(kind)
end

return people
