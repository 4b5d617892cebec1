# setup/steps.sh: to be sourced by bash scripts that run long steps. A step prints one line. Its
# output goes to a log file; if the step fails, the end of the log is printed.

# step TITLE LOG COMMAND...
step() {
    local title=$1 log=$2 started=$SECONDS status=0 ticker
    shift 2
    mkdir -p "$(dirname "$log")"
    if [[ -t 1 ]]; then printf '%s ...' "$title"; else printf '%s ...\n' "$title"; fi
    : >"$log"
    show_progress "$title" "$log" &
    ticker=$!
    "$@" >>"$log" 2>&1 </dev/null || status=$?
    kill "$ticker" 2>/dev/null || true
    wait "$ticker" 2>/dev/null || true
    if [[ -t 1 ]]; then printf '\r\033[K'; fi
    if [[ $status -eq 0 ]]; then
        printf '%s: %d s\n' "$title" "$((SECONDS - started))"
    else
        printf '%s failed; the end of %s:\n' "$title" "$log" >&2
        tail -n 40 "$log" >&2
    fi
    return "$status"
}

# On a terminal, the line of the step shows the last output. Elsewhere a line is printed every 20
# seconds.
show_progress() {
    local title=$1 log=$2 started=$SECONDS last pause
    exec 9<> <(:)  # Reading it with a timeout waits without another process.
    if [[ -t 1 ]]; then pause=1; else pause=20; fi
    while true; do
        read -rt "$pause" -u 9 || true
        last=$(tail -c 400 "$log" | tr '\r' '\n' | grep -v '^[[:space:]]*$' | tail -n 1 | cut -c 1-100)
        if [[ -t 1 ]]; then
            printf '\r\033[K%s ... %d s  %.60s' "$title" "$((SECONDS - started))" "$last"
        else
            printf '  %d s: %s\n' "$((SECONDS - started))" "$last"
        fi
    done
}
