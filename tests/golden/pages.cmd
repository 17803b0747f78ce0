# The manual pages and completions, all of one table.
seine help --man follow
for c in '' ingest live summary flows streams follow extract export search sql ask index verify status top help; do seine help --man $c > page.1 && man --warnings -l page.1 2>&1 > /dev/null; done
seine help --completion bash > seine.bash && bash -n seine.bash
. ./seine.bash; COMP_WORDS=(seine fo); COMP_CWORD=1; _seine; echo "${COMPREPLY[@]}"
. ./seine.bash; COMP_WORDS=(seine follow --a); COMP_CWORD=2; _seine; echo "${COMPREPLY[@]}"
. ./seine.bash; COMP_WORDS=(seine follow --as h); COMP_CWORD=3; _seine; echo "${COMPREPLY[@]}"
. ./seine.bash; COMP_WORDS=(seine x.pcap --mem); COMP_CWORD=2; _seine; echo "${COMPREPLY[@]}"
. ./seine.bash; COMP_WORDS=(seine summary x); COMP_CWORD=2; _seine; echo "${#COMPREPLY[@]}"
seine help --completion fish | head -4
seine help --completion zsh | head -4
