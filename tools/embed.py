"""Writes a C array of struct migration from numbered SQL files: embed.py OUT NAME FILE...

A file is named NNNN_what_it_does.sql; the array ends with {}.
"""
import os
import sys

out, name, files = sys.argv[1], sys.argv[2], sorted(sys.argv[3:], key=os.path.basename)
with open(out, 'w') as o:
    o.write('#include "oslo/db/db.h"\n\nextern const struct migration %s[];\nconst struct migration %s[] = {\n' % (name, name))
    for f in files:
        base = os.path.basename(f)[:-4]
        number, _, what = base.partition('_')
        o.write('    { %d, "%s",\n' % (int(number), what))
        for line in open(f):
            line = line.rstrip('\n').replace('\\', '\\\\').replace('"', '\\"')
            o.write('      "%s\\n"\n' % line)
        o.write('    },\n')
    o.write('    {}\n};\n')
