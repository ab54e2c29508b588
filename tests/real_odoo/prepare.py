# Runs inside `odoo shell`: makes of a fresh database what an operator would before the first
# run: the integration users with their API keys, the payment terms that NAV uses, languages.
#
# "full" has the group Access Rights and may so read and write external ids; "plain" may not;
# "settings" may make automation rules besides. All have an e-mail address: without one, actions
# that write to the chatter fail.
# Prints one line "navodoo-user: {...}" and commits.
import json
import secrets

GROUPS = ["base.group_user", "base.group_partner_manager", "account.group_account_manager"]
TERMS = {"2 Days": 2, "7 Days": 7, "10 Days": 10, "14 Days": 14, "60 Days": 60,
         "End of Month": 30, "1 Month, 2% 8 Days": 30}
LANGUAGES = ["de_DE", "fr_FR"]


def make_user(login, groups):
    password = secrets.token_hex(16)
    user = env["res.users"].with_context(no_reset_password=True).create({
        "name": login.split("@")[0], "login": login, "email": login, "password": password,
        "group_ids": [(6, 0, [env.ref(g).id for g in groups])]})
    key = env(user=user.id)["res.users.apikeys"].sudo()._generate("rpc", "navodoo", None)
    return {"login": login, "password": password, "key": key}


for name, days in TERMS.items():
    env["account.payment.term"].create({
        "name": name, "line_ids": [(0, 0, {"value": "percent", "value_amount": 100,
                                           "nb_days": days})]})
for code in LANGUAGES:
    env["res.lang"]._activate_lang(code)
made = {
    "full": make_user("navodoo@example.com", GROUPS + ["base.group_erp_manager"]),
    "settings": make_user("navodoo-settings@example.com", GROUPS + ["base.group_system"]),
    "plain": make_user("navodoo-plain@example.com", GROUPS),
}
env.cr.commit()
print("navodoo-user: " + json.dumps(made), flush=True)
