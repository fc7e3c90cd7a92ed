"""
Copies what Python programs import to the root of a guest, compiled.

    python-files.py ROOT LIBRARY PROGRAM...

Modules of the standard library and of LIBRARY, which is the folder of a package, go to
where they are here, and nothing but their compiled form: it is loaded as it is, whatever
became of times. PROGRAMs and what they have beside them are there already. Prints shared
objects that are needed.
"""
import os
import py_compile
import runpy
import shutil
import sys
import sysconfig

# Imported where a program gets to them only
LATER = ['encodings.ascii', 'encodings.latin_1', 'importlib', 'traceback']

root, library, *programs = sys.argv[1:]
homes = (sysconfig.get_path('stdlib') + os.sep, library + os.sep)

sys.dont_write_bytecode = True
sys.path.append(os.path.dirname(library))
for name in LATER:
    __import__(name)
for program in programs:
    runpy.run_path(program, run_name='imported')

for module in list(sys.modules.values()):
    file = getattr(module, '__file__', None)
    if not file or not file.startswith(homes):
        continue
    if file.endswith('.py'):
        py_compile.compile(file, cfile=root + file + 'c', doraise=True,
                           invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    else:
        os.makedirs(os.path.dirname(root + file), exist_ok=True)
        shutil.copy2(file, root + file)
        print(file)
