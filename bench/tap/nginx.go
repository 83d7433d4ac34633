package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"parley/internal/target"
)

// nginxConfig is that of one process, which writes nowhere but below its own folder: its address, the server's, the folder. Connections
// on both sides are kept for as long as the bench may take.
const nginxConfig = `daemon off;
master_process off;
pid %[3]s/nginx.pid;
error_log stderr error;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path %[3]s/body;
  proxy_temp_path %[3]s/proxy;
  fastcgi_temp_path %[3]s/fastcgi;
  uwsgi_temp_path %[3]s/uwsgi;
  scgi_temp_path %[3]s/scgi;
  upstream origin { server %[2]s; keepalive 256; keepalive_requests 1000000000; keepalive_time 24h; }
  server {
    listen 127.0.0.1:%[1]d;
    keepalive_requests 1000000000;
    keepalive_time 24h;
    location / {
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
  }
}
`

// startNginx starts nginx as a reverse proxy before a server, as one process, which is not root's.
func startNginx(ctx context.Context, server string) (c *contender, err error) {
	program, err := exec.LookPath("nginx")
	if err != nil {
		return nil, errNotInstalled
	}
	u, err := url.Parse(server)
	if err != nil {
		return nil, fmt.Errorf("start nginx: %w", err)
	}
	port, err := target.FreePort()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "bench-nginx-") // which the account of nginx can reach
	if err != nil {
		return nil, fmt.Errorf("start nginx: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(dir) // it is left as it was found
		}
	}()
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, fmt.Appendf(nil, nginxConfig, port, u.Host, dir), 0o600); err != nil {
		return nil, fmt.Errorf("start nginx: %w", err)
	}
	cmd := exec.CommandContext(ctx, program, "-p", dir, "-c", file, "-e", "stderr")
	if os.Geteuid() == 0 {
		const account = "nobody"
		if cmd.SysProcAttr, err = as(account); err != nil {
			return nil, err
		}
		if err := lend(account, dir, file); err != nil {
			return nil, err
		}
	}
	c, err = startPeer(ctx, nginx, server, port, cmd)
	if err != nil {
		return nil, err
	}
	stop := c.stop
	c.stop = func() error { return errors.Join(stop(), os.RemoveAll(dir)) }
	return c, nil
}

// as lets a process belong to an account of the machine.
func as(account string) (*syscall.SysProcAttr, error) {
	who, err := user.Lookup(account)
	if err != nil {
		return nil, fmt.Errorf("a peer must not run as root: %w", err)
	}
	uid, uidErr := strconv.ParseUint(who.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(who.Gid, 10, 32)
	if err := errors.Join(uidErr, gidErr); err != nil {
		return nil, fmt.Errorf("a peer must not run as root: %w", err)
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
}
