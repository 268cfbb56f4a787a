/* SPDX-License-Identifier: Apache-2.0
 *
 * Several RISC-V harts share the work of an op: groat_parallel_for for bare metal.  Part p is hart p % GROAT_WORKERS's, so
 * that a run takes each hart the same instructions every time.  Harts without work sleep: software interrupts, which the
 * core-local interruptor raises and which are pending but never taken, wake them.
 */
#include <groat/parallel.h>

#include "../port/port.h"

enum {
    MSIP = 8,    /* of mip and mie: a software interrupt */
    MAIN_HART = 0
};

/* One word for each hart, at the start of QEMU's and SiFive's core-local interruptor. */
static volatile uint32_t *const software_interrupts = (volatile uint32_t *)0x02000000;

/* Stacks of harts 1 and up, growing down: of hart h to h times the size. */
uint8_t groat_worker_stacks[(GROAT_WORKERS - 1) * GROAT_WORKER_STACK_BYTES] __attribute__((aligned(16)));

static struct {
    const void *context;
    void (*work)(const void *context, uint32_t part);
    uint32_t parts;
    uint32_t helpers; /* harts beside the main one that work */
    uint32_t done;    /* of them */
} job;

static void wake(uint32_t hart)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    software_interrupts[hart] = 1;
}

/* Sleeps until another hart wakes this one. */
static void wait_for_interrupt(uint32_t hart)
{
    uint32_t pending;
    for (;;) {
        __asm__ volatile("csrr %0, mip" : "=r"(pending)::"memory");
        if (pending & MSIP) {
            break;
        }
        __asm__ volatile("wfi" ::: "memory");
    }
    software_interrupts[hart] = 0;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void work_of(uint32_t hart)
{
    for (uint32_t part = hart; part < job.parts; part += GROAT_WORKERS) {
        job.work(job.context, part);
    }
}

_Noreturn void groat_worker(uint32_t hart);

_Noreturn void groat_worker(uint32_t hart)
{
    for (;;) {
        wait_for_interrupt(hart);
        work_of(hart);
        const uint32_t helpers = job.helpers; /* behind the next line it may be another job's */
        if (__atomic_add_fetch(&job.done, 1, __ATOMIC_ACQ_REL) == helpers) {
            wake(MAIN_HART);
        }
    }
}

void groat_parallel_for(const void *context, uint32_t parts, void (*work)(const void *context, uint32_t part))
{
    job.context = context;
    job.work = work;
    job.parts = parts;
    job.helpers = (parts < GROAT_WORKERS ? parts : GROAT_WORKERS) - 1;
    job.done = 0;
    if (parts == 0) {
        return;
    }
    __asm__ volatile("csrw mie, %0" ::"r"(MSIP));
    for (uint32_t hart = 1; hart <= job.helpers; hart++) {
        wake(hart);
    }
    work_of(MAIN_HART);
    if (job.helpers > 0) {
        wait_for_interrupt(MAIN_HART);
    }
}
