#!/bin/sh
# The real server's script of the classic courses: start sets kernel parameters and address, stop undoes them.
vip=172.16.100.1
set_all() {
    for name in all lo eth0; do
        echo "$1" > /proc/sys/net/ipv4/conf/$name/arp_ignore
        echo "$2" > /proc/sys/net/ipv4/conf/$name/arp_announce
    done
}
case $1 in
start)
    set_all 1 2
    ip addr add $vip/32 broadcast $vip dev lo label lo:0
    ip route add $vip/32 dev lo ;;
stop)
    ip route del $vip/32 dev lo
    ip addr del $vip/32 dev lo
    set_all 0 0 ;;
status)
    if ip -o addr show dev lo | grep -q "$vip/32" && ip route | grep -q "^$vip dev lo"; then
        echo "the real server is running"
    else
        echo "the real server is stopped"
        exit 3
    fi ;;
esac
