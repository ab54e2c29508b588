--- Table 222, Ship-to Address: what it does of its own when it is written (C14 TAB222).
--
-- A new address takes the customer's name whatever was sent, and has no date of its last change
-- before it is changed: only OnModify sets one.

local record = require "sandbox.nav.record"
local refusal = require "sandbox.nav.refusal"
local tables = require "sandbox.nav.tables"

local shipto = { def = tables["Ship-to Address"] }

local DEF <const> = shipto.def

shipto.trigger = record.triggers(DEF, {})

function shipto.on_insert(context, row)
  for _, name in ipairs(DEF.keys) do -- NotBlank
    if record.get(DEF, row, name) == "" then
      return refusal.test_field(name, DEF.name, tables.key_text(DEF, tables.key(DEF, row)))
    end
  end
  local customer = context.state.tables.Customer.by_key[record.get(DEF, row, "Customer No.")]
  record.set(DEF, row, "Name", record.get(tables.Customer, customer, "Name"))
end

function shipto.on_modify(context, row) record.stamp(DEF, row, context.now) end

return shipto
