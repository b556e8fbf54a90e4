// SPDX-License-Identifier: GPL-2.0
/*
 * Counts, in a VM without hardware virtualization, what virtual CPUs do and what
 * they take from each other: a plugin of QEMU's TCG.  What load.c has the guest say
 * (MARK_BEGIN, MARK_END) is when; each end gives a line of JSON in the file out=.
 *
 * Taken is a line of 64 bytes that another CPU has touched last: filled, by a load or
 * a store of one who has no copy, or upgraded, by a store of one who isn't the only
 * one to have it.  Caches are as large as memory, so that nothing is taken for want
 * of room, and what nobody had yet costs nothing.  Real caches do other things as
 * well; what is counted here they do, too.  Devices don't take part.
 *
 * CPUs run in parallel, and what they count is their own.  Who has a line is a byte,
 * with a bit for each CPU, that all change; the instruction that took one is known
 * from when it was translated.
 *
 * There is no header for it in Debian 12: these are the declarations of version 1 of
 * the interface, which QEMU 7.2 has.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mark.h"

typedef uint64_t qemu_plugin_id_t;
typedef uint32_t qemu_plugin_meminfo_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_hwaddr;
enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS };
enum qemu_plugin_mem_rw { QEMU_PLUGIN_MEM_RW = 3 };

typedef void (*tb_trans_cb)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb);
typedef void (*exec_cb)(unsigned int cpu, void *data);
typedef void (*mem_cb)(unsigned int cpu, qemu_plugin_meminfo_t info,
		       uint64_t vaddr, void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, tb_trans_cb cb);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, exec_cb cb,
					  enum qemu_plugin_cb_flags flags, void *data);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, exec_cb cb,
					    enum qemu_plugin_cb_flags flags, void *data);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn, mem_cb cb,
				      enum qemu_plugin_cb_flags flags,
				      enum qemu_plugin_mem_rw rw, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb,
						 size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
bool qemu_plugin_mem_is_store(qemu_plugin_meminfo_t info);
struct qemu_plugin_hwaddr *qemu_plugin_get_hwaddr(qemu_plugin_meminfo_t info,
						  uint64_t vaddr);
bool qemu_plugin_hwaddr_is_io(const struct qemu_plugin_hwaddr *hwaddr);
uint64_t qemu_plugin_hwaddr_phys_addr(const struct qemu_plugin_hwaddr *hwaddr);

#define EXPORTED __attribute__((visibility("default")))

EXPORTED int qemu_plugin_version = 1;

#define LINE_SHIFT	6
#define CPUS_MAX	8			/* a bit each */
#define LINES_MAX	(UINT64_C(1) << 27)	/* 8 GiB */
#define PLACES_BITS	21
#define PLACES_MAX	(1 << PLACES_BITS)	/* instructions of the kernel */
#define KERNEL		(UINT64_C(1) << 63)

/* What one CPU did; nobody else writes it. */
struct cpu {
	_Alignas(128) uint64_t instructions;
	uint64_t filled;
	uint64_t upgraded;
};

/* What was taken by an instruction. */
struct place {
	uint64_t pc;			/* 0: by any of a program */
	atomic_uint filled;
	atomic_uint upgraded;
};

static atomic_uchar *holders;		/* by line: who has a copy */
static struct cpu cpus[CPUS_MAX];
static atomic_bool counting;
static FILE *out;

static pthread_mutex_t places_lock = PTHREAD_MUTEX_INITIALIZER;
static struct place places[PLACES_MAX];	/* hashed by pc; never removed */
static struct place program;		/* all that isn't the kernel */
static size_t n_places;
static bool places_full;

/* Those for which there is no room are counted as a program's, and it is told. */
static struct place *place_of(uint64_t pc)
{
	size_t at = (pc * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - PLACES_BITS);
	struct place *found = &program;

	if (!(pc & KERNEL))
		return found;
	pthread_mutex_lock(&places_lock);
	while (places[at].pc && places[at].pc != pc)
		at = (at + 1) % PLACES_MAX;
	if (places[at].pc) {
		found = &places[at];
	} else if (n_places < PLACES_MAX * 3 / 4) {
		n_places++;
		found = &places[at];
		found->pc = pc;
	} else {
		places_full = true;
	}
	pthread_mutex_unlock(&places_lock);
	return found;
}

static void load(struct cpu *cpu, struct place *place, uint64_t line,
		 unsigned char self)
{
	unsigned char had = atomic_load_explicit(&holders[line],
						 memory_order_relaxed);

	if (had & self)
		return;
	had = atomic_fetch_or_explicit(&holders[line], self,
				       memory_order_relaxed);
	if (!had)
		return;
	cpu->filled++;
	atomic_fetch_add_explicit(&place->filled, 1, memory_order_relaxed);
}

static void store(struct cpu *cpu, struct place *place, uint64_t line,
		  unsigned char self)
{
	unsigned char had = atomic_load_explicit(&holders[line],
						 memory_order_relaxed);

	if (had == self)
		return;
	had = atomic_exchange_explicit(&holders[line], self,
				       memory_order_relaxed);
	if (!(had & ~self))
		return;
	if (had & self) {
		cpu->upgraded++;
		atomic_fetch_add_explicit(&place->upgraded, 1,
					  memory_order_relaxed);
	} else {
		cpu->filled++;
		atomic_fetch_add_explicit(&place->filled, 1,
					  memory_order_relaxed);
	}
}

static bool is_counting(void)
{
	return atomic_load_explicit(&counting, memory_order_relaxed);
}

static void on_access(unsigned int cpu, qemu_plugin_meminfo_t info,
		      uint64_t vaddr, void *data)
{
	struct qemu_plugin_hwaddr *hwaddr;
	uint64_t line;

	if (!is_counting())
		return;
	hwaddr = qemu_plugin_get_hwaddr(info, vaddr);
	if (!hwaddr || qemu_plugin_hwaddr_is_io(hwaddr))
		return;
	line = qemu_plugin_hwaddr_phys_addr(hwaddr) >> LINE_SHIFT;
	if (line >= LINES_MAX)
		return;
	if (qemu_plugin_mem_is_store(info))
		store(&cpus[cpu], data, line, 1 << cpu);
	else
		load(&cpus[cpu], data, line, 1 << cpu);
}

static void on_block(unsigned int cpu, void *data)
{
	if (is_counting())
		cpus[cpu].instructions += (uintptr_t)data;
}

/* Who has which line stays: it is what was done before that is taken. */
static void on_begin(unsigned int cpu, void *data)
{
	size_t i;

	(void)cpu;
	(void)data;
	memset(cpus, 0, sizeof(cpus));
	for (i = 0; i < PLACES_MAX; i++)
		places[i].filled = places[i].upgraded = 0;
	program.filled = program.upgraded = 0;
	atomic_store(&counting, true);
}

static void print_place(const struct place *place, const char *before)
{
	if (place->filled + place->upgraded)
		fprintf(out, "%s\"%llx\": [%u, %u]", before,
			(unsigned long long)place->pc, place->filled,
			place->upgraded);
}

static void on_end(unsigned int cpu, void *data)
{
	size_t i;

	(void)cpu;
	(void)data;
	atomic_store(&counting, false);
	fprintf(out, "{\"full\": %s, \"cpus\": [",
		places_full ? "true" : "false");
	for (i = 0; i < CPUS_MAX; i++)
		fprintf(out, "%s[%llu, %llu, %llu]", i ? ", " : "",
			(unsigned long long)cpus[i].instructions,
			(unsigned long long)cpus[i].filled,
			(unsigned long long)cpus[i].upgraded);
	fprintf(out, "], \"places\": {\"0\": [%u, %u]", program.filled,
		program.upgraded);
	for (i = 0; i < PLACES_MAX; i++)
		print_place(&places[i], ", ");
	fprintf(out, "}}\n");
	fflush(out);
}

static bool is_mark(const struct qemu_plugin_insn *insn, const char *mark)
{
	return qemu_plugin_insn_size(insn) == MARK_SIZE &&
	       !memcmp(qemu_plugin_insn_data(insn), mark, MARK_SIZE);
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb), i;

	(void)id;
	qemu_plugin_register_vcpu_tb_exec_cb(tb, on_block,
					     QEMU_PLUGIN_CB_NO_REGS,
					     (void *)(uintptr_t)n);
	for (i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

		if (is_mark(insn, MARK_BEGIN))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, on_begin,
				QEMU_PLUGIN_CB_NO_REGS, NULL);
		if (is_mark(insn, MARK_END))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, on_end,
				QEMU_PLUGIN_CB_NO_REGS, NULL);
		qemu_plugin_register_vcpu_mem_cb(insn, on_access,
			QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_MEM_RW,
			place_of(qemu_plugin_insn_vaddr(insn)));
	}
}

EXPORTED int qemu_plugin_install(qemu_plugin_id_t id, const void *info,
				 int argc, char **argv)
{
	(void)info;
	if (argc != 1 || strncmp(argv[0], "out=", 4)) {
		fprintf(stderr, "lines: out=FILE is missing\n");
		return -1;
	}
	out = fopen(argv[0] + 4, "w");
	if (!out) {
		fprintf(stderr, "lines: %s: %s\n", argv[0] + 4, strerror(errno));
		return -1;
	}
	/* Pages of it that aren't used take no memory. */
	holders = calloc(LINES_MAX, 1);
	if (!holders) {
		fprintf(stderr, "lines: out of memory\n");
		return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
	return 0;
}
