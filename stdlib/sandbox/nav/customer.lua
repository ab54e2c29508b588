--- Table 18, Customer: what it does of its own when it is written (N18 Table 18, codeunit 5056).

local contact = require "sandbox.nav.contact"
local record = require "sandbox.nav.record"
local refusal = require "sandbox.nav.refusal"
local relation = require "sandbox.nav.relation"
local tables = require "sandbox.nav.tables"

local customer = { def = tables.Customer, series = "customer" }

local DEF <const> = tables.Customer

local own <const> = record.card_triggers(DEF, "customer")
own["Primary Contact No."] = function(context, row) return contact.primary(context, DEF, row) end
customer.trigger = record.triggers(DEF, own)

function customer.on_insert(context, row)
  if record.get(DEF, row, "Invoice Disc. Code") == "" then
    record.set(DEF, row, "Invoice Disc. Code", record.get(DEF, row, "No."))
  end
  record.stamp(DEF, row, context.now)
end

function customer.after_insert(context, row) contact.of_card(context, DEF, row) end

function customer.on_modify(context, row) record.stamp(DEF, row, context.now) end

function customer.after_modify(context, row, old) contact.from_card(context, DEF, row, old) end

-- Entries of an open year keep a customer.
function customer.on_delete(context, key, row)
  if record.get(DEF, row, "Sales (LCY)") ~= "0" or record.get(DEF, row, "Balance (LCY)") ~= "0" then
    return refusal.dialog("You cannot delete %s %s because it has ledger entries in a fiscal year that"
      .. " has not been closed yet.", DEF.name, key)
  end
  relation.forget(context, DEF, key)
end

return customer
