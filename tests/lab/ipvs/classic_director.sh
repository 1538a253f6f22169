#!/bin/sh
# The director's script of the classic courses: start clears rules and table, makes the service, leaves a lock file.
vip=172.16.100.1 lock=/run/lock/lvs-classic
case $1 in
start)
    ip addr replace $vip/16 dev eth0 label eth0:0
    ip route replace $vip/32 dev eth0
    echo 1 > /proc/sys/net/ipv4/ip_forward
    nft flush ruleset
    ipvsadm -C
    ipvsadm -R <<END
-A -t $vip:80 -s wlc
-a -t $vip:80 -r 172.16.100.7 -g -w 2
-a -t $vip:80 -r 172.16.100.8 -g -w 5
END
    mkdir -p /run/lock && touch $lock ;;
stop)
    echo 0 > /proc/sys/net/ipv4/ip_forward
    ipvsadm -C
    ip route del $vip/32 dev eth0
    ip addr del $vip/16 dev eth0
    rm -f $lock ;;
status)
    if [ -e $lock ]; then echo "ipvs is running"; else echo "ipvs is stopped"; exit 3; fi ;;
esac
