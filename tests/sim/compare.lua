--- Both systems as they were left in the evening, laid beside each other.
--
-- By the sources' own keys and an own mapping of the fields that people changed, never by what
-- navodoo keeps: NAV's number is the partner's reference, a child belongs to the reference of its
-- parent, and what began in Odoo is found in NAV by its mark.

local decimal = require "navodoo.decimal"
local json = require "navodoo.json"

local goods = dofile "tests/sim/goods.lua"

local KINDS <const> = { "customer", "vendor", "contact", "ship_to" }

local function text_of(v)
  if v == nil or v == false or v == json.null then return "" end
  return v
end

local function joined(...)
  local parts = {}
  for _, part in ipairs { ... } do
    if text_of(part) ~= "" then parts[#parts + 1] = part end
  end
  return table.concat(parts, "|")
end

--- Partners by the kinds and NAV keys that they stand for.
local function by_key(people)
  local found, order = {}, {}
  for _, p in ipairs(people:partners()) do
    for _, kind in ipairs(people.kinds_of(p)) do
      local key = people:nav_key(kind, p)
      local name = key and kind .. "/" .. key
      if name and not found[name] then found[name], order[#order + 1] = {}, name end
      if name then table.insert(found[name], p) end
    end
  end
  return found, order
end

--- Those that stand for a card. A vendor that is a customer, too, has the customer's number on its
-- partner; a customer's number alone says nothing of a vendor of the same number.
local function partners_of(people, found, kind, key)
  if kind ~= "vendor" then return found[kind .. "/" .. key] or {} end
  local list, other = {}, people.both[key]
  for _, p in ipairs(found["vendor/" .. key] or {}) do
    if (p.customer_rank or 0) == 0 or key:find "^O" then list[#list + 1] = p end
  end
  for _, p in ipairs(other and other ~= key and found["vendor/" .. other] or {}) do list[#list + 1] = p end
  if other == key then
    for _, p in ipairs(found["vendor/" .. key] or {}) do
      if (p.customer_rank or 0) > 0 then list[#list + 1] = p end
    end
  end
  return list
end

-- What was changed on one side only, all day, is what both hold: no policy can be asked. A firm
-- with two cards has more authors than one; so has the street of a firm since Odoo 19, where a
-- person's address is written up to it.
local function compare_words(people, name, card, p, problem)
  if (p.customer_rank or 0) > 0 and (p.supplier_rank or 0) > 0 then return end
  local sides = people.said
  for _, f in ipairs { { "phone", card.Phone_No }, { "street", card.Address }, { "email", card.E_Mail:lower() },
                       { "name", card.Name } } do
    local nav, odoo = sides.nav[name .. "." .. f[1]], sides.odoo[p.id .. "." .. f[1]]
    local said = nav == nil and odoo or odoo == nil and nav or nil
    local many = f[1] == "street" and name:find "^customer/" and people.sides.odoo.state.version >= 19
    if said and said ~= f[2] and not many then
      problem("%s: %q was said in %s only, and %q is what is there", f[1], said, nav and "NAV" or "Odoo", f[2])
    end
  end
end

local function compare_fields(people, kind, card, p, problem)
  local clustered = kind == "vendor" and (p.customer_rank or 0) > 0
  local fields = { { "name", card.Name, p.name }, { "phone", card.Phone_No, text_of(p.phone) },
                   { "email", card.E_Mail:lower(), text_of(p.email):lower() } }
  if kind ~= "contact" then -- a person's address is that of the firm, on either side in its own way
    fields[#fields + 1] = { "city", card.City, text_of(p.city) }
    fields[#fields + 1] = { "street", joined(card.Address, card.Address_2), joined(p.street, p.street2) }
  end
  if kind == "customer" then
    fields[#fields + 1] = { "credit limit", tostring(decimal.new(card.Credit_Limit_LCY or 0):normalize()),
                            tostring(decimal.new(text_of(p.credit_limit) == "" and 0 or p.credit_limit):normalize()) }
  end
  -- NAV never opens a card that is blocked for privacy: who made its partner active has a dead letter
  local forbidden = card.Privacy_Blocked and p.active and card.Blocked == "All"
  if (kind == "customer" or kind == "vendor") and not (clustered or forbidden) then
    fields[#fields + 1] = { "open", tostring(card.Blocked ~= "All"), tostring(p.active) }
  end
  if kind == "contact" then
    fields[#fields + 1] = { "customer", card.Company_No, people:company_of(people:parent_ref(p)) or "" }
  end
  for _, f in ipairs(fields) do
    if f[2] ~= f[3] then problem("%s: NAV %q, Odoo %q (%d)", f[1], f[2], f[3], p.id) end
  end
end

--- What is wrong, or nil.
---@param people table
---@return string|nil
return function(people)
  people:look(true)
  local problems, found, order = {}, by_key(people)
  local cards, marks = {}, {}
  for _, kind in ipairs(KINDS) do
    for _, card in ipairs(people:cards(kind)) do
      local key = people.key_of(kind, card)
      local name = kind .. "/" .. key
      local function problem(text, ...) problems[#problems + 1] = name .. " " .. text:format(...) end
      cards[name] = true
      local mark = people.mark_of(kind, card)
      marks[mark] = (marks[mark] or 0) + 1
      local mine = partners_of(people, found, kind, key)
      if people.deleted[name] == "odoo" then
        if #mine > 0 then problem "was deleted in Odoo and is there again" end
        if kind == "customer" and card.Blocked ~= "All" then problem "was deleted in Odoo and is not blocked" end
      elseif #mine ~= 1 then
        problem("(%s) is %d times in Odoo", card.Name, #mine)
      else
        compare_fields(people, kind, card, mine[1], problem)
        if kind ~= "contact" then compare_words(people, name, card, mine[1], problem) end
      end
    end
  end
  for _, mark in ipairs(people.born) do
    local n = marks[mark] or 0
    if n ~= 1 and not (n == 0 and people.gone_marks[mark]) then
      problems[#problems + 1] = ("%s, made in Odoo, is %d times in NAV"):format(mark, n)
    end
  end
  for _, name in ipairs(order) do
    local kind, key = name:match "^([%w_]+)/(.*)$"
    local shared = kind == "vendor" and people.customers_of_both[key]
    for _, p in ipairs(found[name]) do
      if not cards[name] and not shared and p.active then
        problems[#problems + 1] = ("partner %d stands for %s, which NAV does not have"):format(p.id, name)
      end
      if people.deleted[name] == "nav" and p.active then
        problems[#problems + 1] = ("%s was deleted in NAV and partner %d is not archived"):format(name, p.id)
      end
    end
    if kind == "vendor" and not cards[name] and not shared and people.deleted[name] ~= "nav" then
      problems[#problems + 1] = name .. " is a vendor in Odoo only"
    end
  end
  for _, p in ipairs(people:partners()) do
    local kinds = people.kinds_of(p)
    if #kinds > 0 and text_of(p.ref) == "" and p.active then
      problems[#problems + 1] = ("partner %d (%s) is no %s in NAV"):format(p.id, p.name, kinds[1])
    end
  end
  goods.compare(people, problems)
  table.sort(problems)
  return #problems > 0 and table.concat(problems, "; ", 1, math.min(#problems, 8)) or nil
end
