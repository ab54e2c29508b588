--- The last question before a write: may it go out as it is?
--
-- An engine that plans or applies a plan has a function `gate(item, txn, what)`. It sees each
-- item when everything about its write is known and nothing is intended yet. An item that it
-- holds is left where it is. Engines that just run have none.

local gate = {}

---@param engine table
---@param txn navodoo.Txn
---@param item navodoo.Item
---@param what string|nil   "archive", "block"; nil: what the item itself says
---@return boolean passes   false: the item is held, and is nobody's any more
function gate.passes(engine, txn, item, what)
  if not engine.gate or engine.gate(item, txn, what) then return true end
  item.result = "held"
  return false
end

return gate
