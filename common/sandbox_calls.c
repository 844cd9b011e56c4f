#include "config.h"

#include <seccomp.h>

#include "common/sandbox_calls.h"

#define CALL(name) SCMP_SYS(name)

/* clang-format off */
const int sandbox_calls_all[] = {
	/* descriptors it has */
	CALL(read), CALL(readv), CALL(pread64), CALL(write), CALL(writev), CALL(close),
	CALL(lseek),
	CALL(fstat), CALL(newfstatat), CALL(statx), CALL(fcntl), CALL(dup), CALL(dup3),
	CALL(recvmsg), CALL(recvfrom), CALL(sendmsg), CALL(sendto), CALL(getsockopt),
	/* memory */
	CALL(munmap), CALL(mremap), CALL(madvise), CALL(brk), CALL(memfd_create), CALL(ftruncate),
	/* waiting */
	CALL(epoll_create1), CALL(epoll_ctl), CALL(epoll_wait), CALL(epoll_pwait),
	CALL(epoll_pwait2), CALL(eventfd2), CALL(pipe2), CALL(poll), CALL(ppoll), CALL(select),
	CALL(pselect6), CALL(timerfd_create), CALL(timerfd_settime), CALL(nanosleep),
	CALL(clock_nanosleep), CALL(restart_syscall),
	/* threads of its own (clone is narrowed to threads in sandbox_linux.c) */
	CALL(futex), CALL(futex_waitv), CALL(set_robust_list), CALL(rseq), CALL(set_tid_address),
	CALL(sched_yield), CALL(sched_getaffinity), CALL(membarrier), CALL(getcpu),
	/* signals */
	CALL(rt_sigaction), CALL(rt_sigprocmask), CALL(rt_sigreturn), CALL(rt_sigtimedwait),
	CALL(sigaltstack),
	/* time, chance, who am I */
	CALL(clock_gettime), CALL(clock_getres), CALL(gettimeofday), CALL(time), CALL(getrandom),
	CALL(getpid), CALL(gettid), CALL(getppid), CALL(getuid), CALL(geteuid), CALL(getgid),
	CALL(getegid), CALL(uname), CALL(sysinfo), CALL(getrusage), CALL(times),
	/* the end */
	CALL(exit), CALL(exit_group),
	-1
};

const int sandbox_calls_front[] = {
	CALL(accept), CALL(accept4), CALL(getsockname), CALL(getpeername), CALL(setsockopt),
	CALL(shutdown), CALL(recvmmsg), CALL(sendmmsg),
	-1
};

const int sandbox_calls_files[] = {
	CALL(openat), CALL(openat2), CALL(unlinkat), CALL(renameat), CALL(renameat2),
	CALL(mkdirat), CALL(linkat), CALL(readlinkat), CALL(faccessat), CALL(faccessat2),
	CALL(getdents64), CALL(fstatfs), CALL(pwrite64), CALL(preadv),
	CALL(pwritev), CALL(preadv2), CALL(pwritev2), CALL(fsync), CALL(fdatasync),
	CALL(fallocate), CALL(fadvise64), CALL(sync_file_range), CALL(copy_file_range),
	CALL(flock), CALL(fchmod), CALL(utimensat),
	-1
};

const int sandbox_calls_fatal[] = {
	CALL(execve), CALL(execveat), CALL(ptrace), CALL(process_vm_readv),
	CALL(process_vm_writev), CALL(mount), CALL(umount2), CALL(pivot_root), CALL(bpf),
	CALL(init_module), CALL(finit_module), CALL(kexec_load), CALL(keyctl),
	CALL(perf_event_open), CALL(userfaultfd), CALL(io_uring_setup), CALL(unshare),
	CALL(setns),
	-1
};
/* clang-format on */
