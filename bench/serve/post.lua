-- SPDX-License-Identifier: Apache-2.0
-- The request with which wrk asks; its body is the script's argument.
wrk.method = "POST"
wrk.path = "/invoke"
wrk.headers["Content-Type"] = "application/json"

function init(args)
	wrk.body = args[1]
end
