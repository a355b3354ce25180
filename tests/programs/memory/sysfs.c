/* /sys, /proc/sys and the files of /proc that tell of a process or change it: what is there, who may open it, what it takes.
   Nothing that holds for the whole machine is written. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define THP "/sys/kernel/mm/transparent_hugepage/"
#define POOL "/sys/kernel/mm/hugepages/hugepages-2048kB/"

static const char *error(int failed) { return failed ? strerrorname_np(errno) : "ok"; }

/* Kind, permissions and size. */
static void show(const char *path) {
	struct stat st;
	if (lstat(path, &st)) {
		printf("%s: %s\n", path, error(1));
		return;
	}
	printf("%s: %o %ld\n", path, st.st_mode, (long)st.st_size);
}

static int read_text(const char *path, char *text, int size) {
	int fd = open(path, O_RDONLY);
	int len = fd < 0 ? -1 : (int)read(fd, text, size - 1);
	if (fd >= 0)
		close(fd);
	text[len < 0 ? 0 : len] = 0;
	return len;
}

/* The words of a choice, whichever is in force. */
static void choice(const char *path) {
	char text[200];
	read_text(path, text, sizeof text);
	int marks = 0;
	printf("%s: ", path);
	for (char *c = text; *c; c++) {
		if (*c == '[' || *c == ']')
			marks++;
		else
			putchar(*c);
	}
	if (marks != 2)
		printf("%d marks\n", marks);
}

static void sysfs(void) {
	struct statfs fs;
	printf("statfs %s", error(statfs("/sys/kernel", &fs)));
	printf(" %lx %ld\n", (long)fs.f_type, (long)fs.f_bsize);
	const char *dirs[] = {"/sys", "/sys/kernel/mm", THP, THP "khugepaged", POOL};
	for (unsigned i = 0; i < sizeof dirs / sizeof *dirs; i++) {
		struct stat st;
		printf("%s: %s", dirs[i], error(stat(dirs[i], &st)));
		printf(" %o\n", st.st_mode);
	}
	const char *files[] = {
		THP "enabled", THP "defrag", THP "shmem_enabled", THP "use_zero_page", THP "hpage_pmd_size",
		THP "khugepaged/defrag", THP "khugepaged/max_ptes_none", THP "khugepaged/max_ptes_swap",
		THP "khugepaged/max_ptes_shared", THP "khugepaged/pages_to_scan", THP "khugepaged/scan_sleep_millisecs",
		THP "khugepaged/alloc_sleep_millisecs", THP "khugepaged/pages_collapsed", THP "khugepaged/full_scans",
		POOL "nr_hugepages", POOL "free_hugepages", POOL "resv_hugepages", POOL "surplus_hugepages",
		POOL "nr_overcommit_hugepages", "/sys/devices/system/cpu/online", "/sys/devices/system/cpu/possible",
		"/sys/devices/system/node/online"};
	for (unsigned i = 0; i < sizeof files / sizeof *files; i++)
		show(files[i]);
	choice(THP "enabled");
	choice(THP "defrag");
	char text[200];
	read_text(THP "hpage_pmd_size", text, sizeof text);
	printf("hpage_pmd_size %s", text);
	printf("open O_CREAT %s\n", error(open("/sys/kernel/mm/new", O_WRONLY | O_CREAT, 0600) < 0));
	printf("mkdir %s\n", error(mkdir("/sys/kernel/mm/new", 0700)));
	printf("unlink %s\n", error(unlink(THP "enabled")));
	printf("write what only tells %s\n", error(open(THP "hpage_pmd_size", O_WRONLY) < 0));
}

static void sysctl(void) {
	const char *files[] = {
		"vm/max_map_count", "vm/overcommit_memory", "vm/overcommit_kbytes", "vm/overcommit_ratio", "vm/panic_on_oom",
		"vm/mmap_min_addr", "vm/min_free_kbytes", "vm/user_reserve_kbytes", "vm/admin_reserve_kbytes", "vm/drop_caches",
		"vm/dirty_ratio", "vm/oom_dump_tasks", "vm/swappiness", "vm/page-cluster", "kernel/pid_max", "kernel/shmmax",
		"kernel/shmall", "kernel/shmmni", "kernel/sem", "kernel/msgmni", "kernel/tainted", "kernel/core_pattern",
		"kernel/threads-max", "kernel/cap_last_cap", "kernel/ostype", "kernel/osrelease", "kernel/randomize_va_space",
		"kernel/random/uuid", "kernel/random/boot_id", "fs/file-max", "fs/nr_open"};
	char path[100], text[200];
	for (unsigned i = 0; i < sizeof files / sizeof *files; i++) {
		snprintf(path, sizeof path, "/proc/sys/%s", files[i]);
		show(path);
	}
	read_text("/proc/sys/kernel/random/uuid", text, sizeof text);
	printf("uuid of %zu, version %c\n", strlen(text), text[14]);
	printf("read drop_caches %s\n", error(open("/proc/sys/vm/drop_caches", O_RDONLY) < 0));
	printf("write ostype %s\n", error(open("/proc/sys/kernel/ostype", O_WRONLY) < 0));
	printf("make %s\n", error(open("/proc/sys/vm/new", O_WRONLY | O_CREAT, 0600) < 0));
}

static void attempt(const char *what, long result) {
	if (result < 0)
		printf("%s: %s\n", what, error(1));
	else
		printf("%s: %ld\n", what, result);
}

static void memory(void) {
	int fd = open("/proc/self/mem", O_RDWR), zero = memfd_create("shared", 0);
	ftruncate(zero, 4096);
	char *ro = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(ro, 'a', 8192);
	mprotect(ro, 4096, PROT_READ);
	mprotect(ro + 4096, 4096, PROT_NONE);
	char *shared = mmap(0, 4096, PROT_READ, MAP_SHARED, zero, 0);
	char *gone = mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(gone, 4096);
	char buf[16] = {0};
	attempt("read", pread(fd, buf, 4, (off_t)ro));
	attempt("read without rights", pread(fd, buf, 4, (off_t)ro + 4096));
	printf("%s\n", buf);
	attempt("write read-only", pwrite(fd, "bcd", 3, (off_t)ro + 1));
	attempt("write without rights", pwrite(fd, "efg", 3, (off_t)ro + 4097));
	mprotect(ro, 8192, PROT_READ);
	printf("%.5s %.5s\n", ro, ro + 4096);
	attempt("write shared read-only", pwrite(fd, "h", 1, (off_t)shared));
	attempt("read unmapped", pread(fd, buf, 4, (off_t)gone));
	attempt("write unmapped", pwrite(fd, buf, 4, (off_t)gone));
	attempt("across the end", pwrite(fd, buf, 9, (off_t)ro + 8192 - 4));
	attempt("at 0", pread(fd, buf, 1, 0));
	attempt("seek", lseek(fd, (off_t)ro, SEEK_SET) == (off_t)ro);
	attempt("read", read(fd, buf, 2));
	attempt("moved", lseek(fd, 0, SEEK_CUR) - (off_t)ro);
	attempt("seek from the end", lseek(fd, 0, SEEK_END));
	attempt("map", (long)mmap(0, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == -1 ? -1 : 0);
	int rofd = open("/proc/self/mem", O_RDONLY);
	attempt("write through a reader", pwrite(rofd, buf, 1, (off_t)ro));
	close(fd);
	close(rofd);
}

static void small(void) {
	const char *names[] = {
		"auxv", "clear_refs", "comm", "coredump_filter", "environ", "map_files", "maps", "mem",
		"mountinfo", "numa_maps", "oom_adj", "oom_score_adj", "pagemap", "personality", "setgroups",
		"smaps", "syscall", "timerslack_ns", "uid_map", "wchan", "fd", "fdinfo", "task"};
	char path[100], text[4096];
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "/proc/self/%s", names[i]);
		struct stat st;
		lstat(path, &st);
		printf("%s %o\n", names[i], st.st_mode);
	}
	const char *texts[] = {"personality", "coredump_filter", "timerslack_ns", "wchan"};
	for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
		snprintf(path, sizeof path, "/proc/self/%s", texts[i]);
		read_text(path, text, sizeof text);
		printf("%s %.*s\n", texts[i], (int)strcspn(text, "\n"), text);
	}
	unsigned long auxv[100];
	int fd = open("/proc/self/auxv", O_RDONLY), len = (int)read(fd, auxv, sizeof auxv), same = 0;
	const unsigned long types[] = {AT_PAGESZ, AT_PHDR, AT_ENTRY, AT_RANDOM, AT_EXECFN, AT_PLATFORM, AT_CLKTCK};
	for (int i = 0; i < len / 16; i++)
		for (unsigned j = 0; j < sizeof types / sizeof *types; j++)
			same += auxv[2 * i] == types[j] && getauxval(types[j]) == auxv[2 * i + 1];
	printf("auxv %d %d\n", same, len > 200 && auxv[len / 8 - 2] == AT_NULL);
	close(fd);
	fd = open("/proc/self/syscall", O_RDONLY);
	char expected[200];
	snprintf(expected, sizeof expected, "%d 0x%x 0x%lx 0x%x ", SYS_read, fd, (long)text, (int)sizeof text);
	syscall(SYS_read, fd, text, sizeof text);
	printf("syscall %d\n", !strncmp(text, expected, strlen(expected)));
	const struct {
		const char *file, *text;
	} writes[] = {
		{"oom_score_adj", ""}, {"oom_score_adj", "1001"}, {"oom_adj", "16"}, {"oom_adj", "8"}, {"comm", ""},
		{"comm", "name"}, {"clear_refs", "9"}, {"coredump_filter", "0xfff"}, {"coredump_filter", "0x33 "},
		{"timerslack_ns", "x"}};
	for (unsigned i = 0; i < sizeof writes / sizeof *writes; i++) {
		snprintf(path, sizeof path, "/proc/self/%s", writes[i].file);
		fd = open(path, O_WRONLY);
		snprintf(path, sizeof path, "%s \"%s\"", writes[i].file, writes[i].text);
		attempt(path, write(fd, writes[i].text, strlen(writes[i].text)));
		close(fd);
	}
	read_text("/proc/self/oom_score_adj", text, sizeof text);
	printf("now %s", text);
	read_text("/proc/self/coredump_filter", text, sizeof text);
	printf("now %s", text);
	close(creat("mapped", 0600));
	truncate("mapped", 4096);
	fd = open("mapped", O_RDONLY);
	char *at = mmap(0, 4096, PROT_READ, MAP_PRIVATE, fd, 0), *cwd = getcwd(0, 0);
	snprintf(path, sizeof path, "/proc/self/map_files/%lx-%lx", (long)at, (long)at + 4096);
	len = (int)readlink(path, text, sizeof text - 1);
	text[len < 0 ? 0 : len] = 0;
	printf("map_files %d\n", !strncmp(text, cwd, strlen(cwd)) && !strcmp(text + strlen(cwd), "/mapped"));
	DIR *dir = opendir("/proc/self/map_files");
	int listed = 0;
	snprintf(path, sizeof path, "%lx-%lx", (long)at, (long)at + 4096);
	for (struct dirent *entry; dir && (entry = readdir(dir));)
		listed += !strcmp(entry->d_name, path) && entry->d_type == DT_LNK;
	printf("listed %d\n", listed);
	snprintf(path, sizeof path, "/proc/self/map_files/0%lx-%lx", (long)at, (long)at + 4096);
	attempt("another form", readlink(path, text, sizeof text));
	unlink("mapped");
}

/* What a zombie's status has. */
static void zombie(void) {
	char path[100], text[4096];
	pid_t child = fork();
	if (!child)
		_exit(0);
	siginfo_t info;
	waitid(P_PID, child, &info, WEXITED | WNOWAIT);
	snprintf(path, sizeof path, "/proc/%d/status", child);
	read_text(path, text, sizeof text);
	const char *fields[] = {
		"Name",        "Umask",   "State",   "Kthread", "VmSize",      "HugetlbPages",
		"CoreDumping", "THP_enabled", "untag_mask", "Threads", "Seccomp_filters", "Mems_allowed_list"};
	printf("zombie:");
	for (unsigned i = 0; i < sizeof fields / sizeof *fields; i++) {
		char name[50];
		snprintf(name, sizeof name, "%s:\t", fields[i]);
		if (strstr(text, name))
			printf(" %s", fields[i]);
	}
	const char *empty[] = {"maps", "smaps", "auxv", "environ", "mem"};
	for (unsigned i = 0; i < sizeof empty / sizeof *empty; i++) {
		snprintf(path, sizeof path, "/proc/%d/%s", child, empty[i]);
		printf(" %s=%d", empty[i], read_text(path, text, sizeof text));
		if (!access(path, F_OK) && open(path, O_RDONLY) < 0)
			printf(" %s", error(1));
	}
	waitpid(child, 0, 0);
	printf("\n");
}

/* What another user sees of this process, if there can be one. */
static void stranger(void) {
	const char *files[] = {
		"maps", "smaps", "smaps_rollup", "numa_maps", "mem",  "environ", "auxv", "pagemap", "syscall",
		"status", "stat", "cmdline", "comm", "limits", "personality", "map_files", "fd"};
	pid_t parent = getpid();
	fflush(stdout);
	pid_t child = fork();
	if (!child) {
		char path[100], text[100];
		if (setgid(12345) || setuid(12345)) {
			printf("no other user\n");
			exit(0);
		}
		for (unsigned i = 0; i < sizeof files / sizeof *files; i++) {
			snprintf(path, sizeof path, "/proc/%d/%s", parent, files[i]);
			printf("%s %s\n", files[i], error(open(path, O_RDONLY) < 0));
		}
		const char *links[] = {"exe", "cwd", "root", "fd/0"};
		for (unsigned i = 0; i < sizeof links / sizeof *links; i++) {
			snprintf(path, sizeof path, "/proc/%d/%s", parent, links[i]);
			printf("%s %s\n", links[i], error(readlink(path, text, sizeof text) < 0));
		}
		exit(0);
	}
	waitpid(child, 0, 0);
}

int main(void) {
	setbuf(stdout, 0);
	sysfs();
	sysctl();
	memory();
	small();
	zombie();
	stranger();
	return 0;
}
