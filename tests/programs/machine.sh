#!/bin/bash
# A machine for the how-tos, of namespaces: this Debian's /usr with an /etc of
# its own, empty folders where people keep files, and a network of its own, so
# that names, ports and users are those of the page. It ends with its first
# process. Called as: unshare --mount --net --pid --fork --kill-child machine.sh
# FOLDER PROGRAM EXAMPLES
set -eu
stage=$1 program=$2 examples=$3

mount --make-rprivate /
mount -t proc proc /proc
mount -t tmpfs -o mode=755 machine "$stage"
doc=local/share/doc/cgi2wsgi
mkdir -p "$stage"/{home,srv,www,log,run,local/bin,$doc}
mkdir -m 1777 "$stage/tmp"
cp -a /etc "$stage/etc"
cp "$program" "$stage/local/bin/cgi2wsgi"
[ ! -e "$program-preload" ] || cp "$program-preload" "$stage/local/bin"
cp -r "$examples" "$stage/$doc/examples"
mkdir "$stage"/{run/lock,run/apache2,log/apache2}
mount --bind "$stage/etc" /etc
mount --bind "$stage/home" /home
mount --bind "$stage/srv" /srv
mount --bind "$stage/www" /var/www
mount --bind "$stage/log" /var/log
mount --bind "$stage/local" /usr/local
mount --bind "$stage/run" /run
mount --bind "$stage/tmp" /tmp

ip link set lo up
echo '127.0.0.1 localhost www.example.org' >/etc/hosts
useradd --create-home --home-dir /srv/anna --shell /bin/bash anna
chmod 755 /srv/anna

# A certificate that every client here trusts.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
    -subj /CN=www.example.org -keyout /etc/ssl/private/example.key \
    -addext subjectAltName=DNS:www.example.org \
    -out /etc/ssl/example.pem 2>/dev/null
cat /etc/ssl/example.pem >>/etc/ssl/certs/ca-certificates.crt

# Nothing here is systemd: Apache is told by its own program.
cat >/usr/local/bin/systemctl <<'END'
#!/bin/sh
case "$*" in
"restart apache2") exec apache2ctl -k restart ;;
"reload apache2") exec apache2ctl -k graceful ;;
"daemon-reload" | "restart fcgiwrap") ;;
*) echo "systemctl $*: unknown here" >&2; exit 1 ;;
esac
END
printf '#!/bin/sh\nexec "$@"\n' >/usr/local/bin/sudo
# Packages are this Debian's: they have to be there already.
printf '#!/bin/sh\nshift 2\ndpkg -s "$@" >/dev/null\n' >/usr/local/bin/apt-get
chmod 755 /usr/local/bin/*
echo ready
exec sleep infinity
