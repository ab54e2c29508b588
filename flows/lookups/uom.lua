--- Units of measure: the code in NAV and the name of the same unit in Odoo. Only equals belong
--- here, for prices and quantities are per unit; what Odoo does not have is made there first.
return {
  model = "uom.uom", match = "name",
  values = {
    PCS = "Units", EA = "Units", STK = "Units",
    DOZ = "Dozens", BOX = "Box", CAN = "Can", PACK = "Pack", PALLET = "Pallet", SET = "Set",
    KG = "kg", GR = "g", M = "m", CM = "cm", KM = "km", MILES = "mi",
    HOUR = "Hours", DAY = "Days",
  },
  -- what is written into NAV, where several codes mean the same
  back = { Units = "PCS" },
}
