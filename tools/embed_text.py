"""Writes a C array of { name, text } from text files: embed_text.py OUT STRUCT ARRAY FILE... The array ends with {}."""
import os
import sys

out, struct, array, files = sys.argv[1], sys.argv[2], sys.argv[3], sorted(sys.argv[4:], key=os.path.basename)
with open(out, 'w') as o:
    o.write('struct %s { const char *name, *text; };\nextern const struct %s %s[];\nconst struct %s %s[] = {\n'
            % (struct, struct, array, struct, array))
    for f in files:
        o.write('    { "%s",\n' % os.path.basename(f).rsplit('.', 1)[0])
        for line in open(f):
            o.write('      "%s\\n"\n' % line.rstrip('\n').replace('\\', '\\\\').replace('"', '\\"'))
        o.write('    },\n')
    o.write('    {}\n};\n')
