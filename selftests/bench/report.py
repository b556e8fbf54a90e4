# SPDX-License-Identifier: GPL-2.0
"""Figures as tables, and how far they are from those in the README."""

import functools
import pathlib
import re
import statistics

from points import ALL, COMMITTED, POINTS, USER_SPACE, WITH_SHARE

README = pathlib.Path(__file__).resolve().parents[2] / "README"
WIDTH = max(map(len, POINTS)) + 2


def missing(figures, names, servers=ALL):
    """What isn't there and should be, in words."""
    for server in servers:
        for name in names:
            figure = figures.get(server, {}).get(name)
            if not figure or not figure["iops"]:
                yield f"{server} at {name}"
            elif server in WITH_SHARE and not figure["server_ns"]:
                yield f"{server}'s own share at {name}"


def best_user_space(figures, name):
    return max(figures[server][name]["iops"] for server in USER_SPACE)


def ratios(figures, name):
    """The figures of the README's table, by column."""
    ours = figures["nbdtarget"][name]
    return {
        "I/O": ours["iops"],
        "user": ours["iops"] / best_user_space(figures, name),
        "nvmet": ours["iops"] / figures["nvmet-tcp"][name]["iops"],
        "share": ours["server_ns"] / figures["qemu-nbd"][name]["server_ns"],
    }


def line(title, cells):
    return f"{title:{WIDTH}}" + "".join(f"{cell:>12}" for cell in cells)


def exact(figures, names):
    yield line("I/O per virtual second", [*ALL, "/user", "/nvmet"])
    for name in names:
        found = ratios(figures, name)
        yield line(name, [f"{figures[server][name]['iops']:.0f}"
                          for server in ALL] +
                   [f"{found['user']:.2f}", f"{found['nvmet']:.2f}"])
    yield ""
    yield line("server's instructions", [*WITH_SHARE, "/qemu-nbd"])
    for name in names:
        # Two nanoseconds an instruction.
        yield line(name, [f"{figures[server][name]['server_ns'] / 2:.0f}"
                          for server in WITH_SHARE] +
                   [f"{ratios(figures, name)['share']:.0%}"])


def median(values):
    """With the spread: the median, the least and the largest."""
    values = sorted(values)
    return f"{statistics.median(values):.2f} [{values[0]:.2f} {values[-1]:.2f}]"


def iops(figures, server, name):
    return figures[server][name]["iops"]


def times(rounds, server, name, of):
    """How many times as many I/O, in each round, as OF says of that round."""
    return median(iops(figures, server, name) / of(figures, name=name)
                  for figures in rounds)


def wall(disks, names):
    """Only ratios: what each round gives for one server against another."""
    others = [server for server in ALL if server != "nbdtarget"]
    for disk, rounds in disks.items():
        yield f"{disk}, wall clock: times as many I/O as, {len(rounds)} rounds"
        yield f"{'':{WIDTH}}" + "".join(
            f"{title:>18}" for title in
            ["best of user", *others, "polling: best"])
        for name in names:
            cells = [times(rounds, "nbdtarget", name, best_user_space)]
            cells += [times(rounds, "nbdtarget", name,
                            functools.partial(iops, server=other))
                      for other in others]
            cells.append(times(rounds, "polling", name, best_user_space))
            yield f"{name:{WIDTH}}" + "".join(f"{cell:>18}" for cell in cells)
        yield ""


def committed():
    """The README's table: by point, the figures in the order of ratios()."""
    found = {}
    for text in README.read_text().splitlines():
        match = re.match(r"    (\S.*?\S) +(\d+) +([\d.]+) +([\d.]+) +(\d+)%$",
                         text)
        if match and match[1] in COMMITTED:
            found[match[1]] = dict(zip(("I/O", "user", "nvmet", "share"),
                                       (float(match[2]), float(match[3]),
                                        float(match[4]), int(match[5]) / 100)))
    return found


def comparison(figures):
    """How far FIGURES are from the README's table."""
    table = committed()
    yield line("against the README's table",
               ["I/O", "/user", "/nvmet", "server/qemu"])
    for name in COMMITTED:
        if name not in figures["nbdtarget"]:
            continue
        if name not in table:
            raise RuntimeError(f"the README has no figures for {name}")
        fresh = ratios(figures, name)
        yield line(name, [f"{fresh[column] / table[name][column] - 1:+.1%}"
                          for column in ("I/O", "user", "nvmet", "share")])


def more(figures, name, than):
    """How much more it is: of all instructions, and of the server's."""
    return [f"{than[name]['iops'] / figures[name]['iops'] - 1:+.2%}",
            f"{figures[name]['server_ns'] / than[name]['server_ns'] - 1:+.2%}"]


def bitmap(figures):
    """What recording costs, and what it costs that it survives a crash."""
    yield line("", ["with a bitmap", "", "that survives", ""])
    yield line("more instructions", ["all", "server's", "all", "server's"])
    for name in figures["without"]:
        yield line(name, more(figures["recording"], name, figures["without"]) +
                   more(figures["logged"], name, figures["recording"]))


def tls(figures):
    names = list(figures)
    yield line("TLS, server's instructions", [*names, "/best"])
    for point in figures["nbdtarget"]:
        share = {name: figures[name][point]["server_ns"] / 2 for name in names}
        best = min(value for name, value in share.items()
                   if name != "nbdtarget")
        yield line(point, [f"{share[name]:.0f}" for name in names] +
                   [f"{share['nbdtarget'] / best:.0%}"])


def connect(found):
    names = list(found["plain"])
    yield line("a connection, us", names)
    for what, part in (("all", "all_ns"), ("client", "client_ns")):
        yield line(what, [f"{found['plain'][name][part] / 1000:.0f}"
                          for name in names])
    yield ""
    yield line("a connection under TLS, instr.", ["all", "agent", "client"])
    for name, figures in found["tls"].items():
        yield line(name, [f"{figures[part] / 2:.0f}" for part in
                          ("all_ns", "agent_ns", "client_ns")])


def beside_cells(figures, alone):
    if not figures:
        return ["", "", ""]
    return [f"{figures['median_ns'] / alone:.1f}", f"{figures['mean_ns'] / alone:.1f}",
            f"{figures['worst_ns'] / alone:.0f}"]


def neighbours(found):
    """As multiples of the mean of a read that is alone."""
    alone = found["alone"]["other"]["mean_ns"]
    yield f"a read of 4 KiB alone: {alone / 2:.0f} instructions; times as many beside"
    yield line("", ["others':", "", "", "the same's:", "", ""])
    yield line("", ["median", "mean", "worst"] * 2)
    for name, figures in found.items():
        yield line(name, beside_cells(figures.get("other"), alone) +
                   beside_cells(figures.get("same"), alone))


def scale(found):
    yield line("idle connections", found["idle"])
    for what, column, layout in (("I/O per virtual second", "iops", ".0f"),
                                 ("server's ns per I/O", "server_ns", ".0f"),
                                 ("KiB for each, both ends", "kib", ".1f")):
        yield line(what, [format(figures[column], layout)
                          for figures in found["idle"].values()])
    yield ""
    yield line("clients with a request", found["active"])
    for what, column in (("I/O per virtual second", "iops"),
                         ("of the slowest", "least"),
                         ("of the fastest", "most")):
        yield line(what, [f"{figures[column]:.0f}"
                          for figures in found["active"].values()])
    yield ""
    beside = found["beside"]
    yield (f"latency at depth 1: {beside['alone_ns'] / 1000:.0f} us alone, "
           f"{beside['together_ns'] / 1000:.0f} us beside a client at depth "
           f"128: {beside['together_ns'] / beside['alone_ns']:.1f} times")


def shared_cells(points, server, kind, depth, column, layout):
    """One for each number of clients."""
    return [format(point[column], layout) for point in points
            if (point["server"], point["kind"], point["depth"]) ==
            (server, kind, depth)]


def lines(points):
    """Of each I/O, for each number of clients; and where our lines go."""
    counts = sorted({point["clients"] for point in points})
    names = list(dict.fromkeys(point["server"] for point in points))
    for column, layout, title in (
            ("instructions", ".0f", "instructions of an I/O"),
            ("lines", ".0f", "lines taken from other CPUs"),
            ("own_lines", ".1f", "by the module's functions")):
        yield line(title, [f"{count} clients" for count in counts])
        for kind in ("read", "write"):
            for depth in sorted({point["depth"] for point in points}):
                for name in names:
                    yield line(f"{kind} {depth} {name}", shared_cells(
                        points, name, kind, depth, column, layout))
        yield ""
    sums = {}
    for point in points:
        for name, taken in point["functions"].items():
            sums[name] = max(sums.get(name, 0), taken)
    yield "functions of ours, lines of an I/O where they take the most"
    for name, taken in sorted(sums.items(), key=lambda one: -one[1])[:12]:
        yield f"  {name:30} {taken:8.2f}"
