# SPDX-License-Identifier: Apache-2.0
"""nginx as a stand-in of the gate (STANDIN=nginx): the same listeners and limits, as far as it has them."""

import os
import re
import shutil

from harness import Skip, temporary

PAGE = """
daemon off;
master_process on;
worker_processes {threads};
user root;
pid {folder}/pid;
error_log {folder}/error.log;
worker_rlimit_nofile 65536;
events {{ worker_connections 20000; }}
http {{
	access_log off;
	client_body_temp_path {folder}/body;
	proxy_temp_path {folder}/proxy;
	fastcgi_temp_path {folder}/fastcgi;
	uwsgi_temp_path {folder}/uwsgi;
	scgi_temp_path {folder}/scgi;
	keepalive_timeout 75s;
	client_header_timeout 5s;
	client_max_body_size {max_body};
	map $http_upgrade $connection_wanted {{ default upgrade; '' ''; }}
	upstream origin {{ server {upstream}; keepalive 64; keepalive_timeout 4s; }}
	server {{
		listen {listen} backlog=4096 {ssl};
		{certificate}
		location / {{
			proxy_pass http://origin;
			proxy_http_version 1.1;
			proxy_set_header Host $http_host;
			proxy_set_header Upgrade $http_upgrade;
			proxy_set_header Connection $connection_wanted;
			proxy_set_header X-Forwarded-For $remote_addr;
			proxy_set_header X-Forwarded-Proto $scheme;
			proxy_buffering off;
			proxy_request_buffering off;
			proxy_connect_timeout {connect_timeout};
			proxy_read_timeout {response_timeout};
		}}
	}}
}}
"""


def argv(gate, options):
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    if not os.path.exists(program):
        raise Skip("nginx is not installed")
    if gate.command:
        raise Skip("nginx has no child behind it")
    folder = temporary(f"nginx-{gate.port}")
    os.mkdir(folder)

    def option(name, preset):
        match = re.search(rf"--{name}[ =](\S+)", options)
        return match[1] if match else preset

    text = PAGE.format(
        folder=folder,
        threads=gate.face.threads,
        listen=gate.listen,
        upstream=gate.upstream.removeprefix("http://"),
        ssl="ssl" if gate.certificate else "",
        certificate="ssl_certificate {}; ssl_certificate_key {};".format(*gate.certificate) if gate.certificate else "",
        max_body=option("max-body", "0"),
        connect_timeout=option("connect-timeout", "5s"),
        response_timeout=option("response-timeout", "60s"),
    )
    with open(f"{folder}/nginx.conf", "w", encoding="utf-8") as file:
        file.write(text)
    return [program, "-p", folder, "-e", f"{folder}/error.log", "-c", f"{folder}/nginx.conf"]
