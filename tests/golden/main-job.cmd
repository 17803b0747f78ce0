# The main job in one word, and the same capture once more.
craft -o talk.pcap $GOLDEN/talk.craft
seine talk.pcap
ls
seine talk.pcap | head -3
cp talk.pcap flows; seine ./flows > /dev/null; ls
