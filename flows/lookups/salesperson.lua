--- Salespeople: the code in NAV and the login of the same person in Odoo.
return {
  model = "res.users", match = "login",
  values = {
    -- PS = "peter.saddow@example.com",
  },
}
