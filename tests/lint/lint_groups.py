"""Joins sources into groups of which clang-tidy looks at each as one: most of its time goes into the headers, which the
members of a group have in common.

A group is one file with the texts of its members one behind the other, so that all of them count as the main file.
Members do not define the same name in the same namespace, so they compile together. Where a group has findings, or does
not compile, its members are to be looked at alone.
"""
import os
import pathlib
import re
import shlex

MOST_MEMBERS = 12
MOST_BYTES = 160_000

NAMESPACE = re.compile(r"^namespace ([\w:]*) ?\{")
NAMESPACE_END = re.compile(r"^\}.*// namespace ming")
# What a line defines that is not indented: a type, an alias, a test, a macro; a function, a constant.
TYPE = re.compile(r"^(?:template .*> )?(?:struct|class|enum class|enum|union|using) (\w+)\b")
MACRO = re.compile(r"^#\s*define (\w+)")
TEST = re.compile(r"^[A-Z]\w*\((\w+, ?\w+)\)")
OTHER = re.compile(r"^[^\s#/}].*?([~\w:]+)\s*(?:\(|\{|=|\[|;)")
# Each fuzzer has one; every member of a group gets its own by a macro.
ENTRY = "LLVMFuzzerTestOneInput"
QUOTED = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.M)


def names_of(text):
    """What a source defines at the level of namespaces: {(namespace, name)}."""
    names = set()
    space = ""
    for line in text.splitlines():
        begin = NAMESPACE.match(line)
        if begin:
            space = begin.group(1) or space
            continue
        if NAMESPACE_END.match(line):
            space = ""
            continue
        for form in (TYPE, MACRO, TEST, OTHER):
            found = form.match(line)
            if found:
                name = found.group(1)
                if "::" not in name and name != ENTRY:
                    names.add((space if form is not MACRO else "#", name))
                break
    return names


class Command:
    """The part of a compile command that matters to clang-tidy: what is included from where, macros, and the rest."""

    def __init__(self, text):
        self.includes = []
        self.macros = {}
        self.rest = []
        words = iter(shlex.split(text)[1:])
        for word in words:
            if word in ("-o", "-c", "-MF", "-MT"):
                next(words, None)
            elif word in ("-isystem", "-I", "-iquote"):
                self.includes.append((word, next(words)))
            elif word.startswith("-I"):
                self.includes.append(("-I", word[2:]))
            elif word.startswith("-D"):
                name, _, value = word[2:].partition("=")
                self.macros[name] = value
            elif word.startswith("-") and word != "-MD" and not word.startswith(("-fPI", "-g", "-O")):
                self.rest.append(word)

    def agrees_with(self, other):
        return sorted(self.rest) == sorted(other.rest) and all(
            other.macros.get(name, value) == value for name, value in self.macros.items())


class Source:
    """A file that may become a member of a group."""

    def __init__(self, path, config, command):
        self.path = path
        self.config = config
        self.command = Command(command)
        self.size = os.path.getsize(path)
        self.names = names_of(pathlib.Path(path).read_text(errors="replace"))
        self.header_names = set()  # of the headers that lie beside it
        for header in own_headers(path, []):
            self.header_names |= names_of(pathlib.Path(header).read_text(errors="replace"))

    def text(self):
        """As it can stand anywhere: the headers beside it are included by their whole path."""
        folder = os.path.dirname(os.path.abspath(self.path))

        def whole(found):
            header = os.path.join(folder, found.group(1))
            return found.group(0).replace(found.group(1), header) if os.path.exists(header) else found.group(0)

        return QUOTED.sub(whole, pathlib.Path(self.path).read_text())


class Group:
    def __init__(self, config):
        self.config = config
        self.sources = []
        self.size = 0
        self.names = set()
        self.header_names = set()

    @property
    def members(self):
        return [source.path for source in self.sources]

    def takes(self, source):
        return (source.config == self.config and len(self.sources) < MOST_MEMBERS
                and self.size + source.size <= MOST_BYTES and self.names.isdisjoint(source.names)
                and self.names.isdisjoint(source.header_names) and self.header_names.isdisjoint(source.names)
                and all(source.command.agrees_with(mine.command) for mine in self.sources))

    def add(self, source):
        self.sources.append(source)
        self.size += source.size
        self.names |= source.names
        self.header_names |= source.header_names

    def text(self):
        return "".join(f"// {source.path}\n#undef {ENTRY}\n#define {ENTRY} {ENTRY}{number}\n{source.text()}\n"
                       for number, source in enumerate(self.sources))

    def command(self, source):
        """The members' commands as one, which compiles `source`."""
        words = ["c++"]
        commands = [source.command for source in self.sources]
        for option in dict.fromkeys(include for command in commands for include in command.includes):
            words += option
        macros = {name: value for command in commands for name, value in command.macros.items()}
        words += [f"-D{name}={value}" if value else f"-D{name}" for name, value in macros.items()]
        return shlex.join(words + commands[0].rest + ["-c", source])


def make_groups(files):
    """Groups of `files`, which are (path, config, compile command): sources of different configs stay apart. The largest
    group is first."""
    groups = []
    for source in sorted((Source(*file) for file in files), key=lambda source: source.size, reverse=True):
        group = next((group for group in groups if group.takes(source)), None)
        if group is None:
            group = Group(source.config)
            groups.append(group)
        group.add(source)
    return sorted(groups, key=lambda group: group.size, reverse=True)


def own_headers(path, folders, seen=None):
    """The headers that `path` includes in quotes, and those that they include, as far as they are in `folders` or
    beside the file that includes them."""
    seen = set() if seen is None else seen
    for name in QUOTED.findall(pathlib.Path(path).read_text(errors="replace")):
        for folder in [os.path.dirname(os.path.abspath(path)), *folders]:
            header = os.path.join(folder, name)
            if os.path.exists(header):
                if header not in seen:
                    seen.add(header)
                    own_headers(header, folders, seen)
                break
    return seen
