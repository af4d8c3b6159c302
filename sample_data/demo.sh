#!/bin/sh
# Dial the sample lists against a sandbox on this machine. No phone rings.
set -eu
cd "$(dirname "$0")/.."
rm -rf .demo
mkdir .demo
cp sample_data/clean.csv sample_data/messy.csv sample_data/leads.xlsx .demo/
cd .demo

batchdial sandbox --port 0 --speed 20 --journal journal.jsonl >address 2>sandbox.log &
sandbox=$!
trap 'kill "$sandbox" 2>/dev/null || true' EXIT
tries=0
until [ -s address ]; do
    tries=$((tries + 1))
    if [ "$tries" -gt 300 ] || ! kill -0 "$sandbox" 2>/dev/null; then
        cat sandbox.log
        exit 1
    fi
    sleep 0.1
done

CALD_API_KEY=caldLiveSandbox000000000000000000000000
BATCHDIAL_BASE_URL=$(cat address)
BATCHDIAL_LEDGER=$PWD/ledger.db
# A rehearsal rings nobody, so it may run at night. Real campaigns keep to their hours.
BATCHDIAL_HOURS=any
export CALD_API_KEY BATCHDIAL_BASE_URL BATCHDIAL_LEDGER BATCHDIAL_HOURS

say() { printf '\n\033[1m$ %s\033[0m\n' "$*"; "$@"; }

say batchdial run clean.csv --agent ag_1 --rate 20/s --yes
say batchdial run leads.xlsx --agent ag_1 --region US --rate 20/s --yes
say batchdial run messy.csv --agent ag_1 --rate 20/s --yes
say batchdial run clean.csv --agent ag_1 --yes
say batchdial campaigns
say head -n 4 clean.results.csv
printf '\nThe sandbox received %s calls; everything is in .demo/.\n' "$(grep -c '"method": *"POST"' journal.jsonl)"
