// SPDX-License-Identifier: GPL-2.0-only
/*
 * Simulated TSM platforms: builds, drives and tears them down through configfs
 * and sysfs. See tsm_sim.h for what each function promises.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tsm_sim.h"

#define SIM_MODULE "tsm_sim"

long long sim_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ll + ts.tv_nsec / 1000000;
}

/* One turn of a polling loop; see sim_wait() */
void sim_relax(void)
{
	struct timespec ts = { .tv_nsec = 2000000 };

	nanosleep(&ts, NULL);
}

int sim_read(const char *path, char *buf, size_t size)
{
	ssize_t len;
	int fd, err;

	buf[0] = '\0';
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	len = read(fd, buf, size - 1);
	err = len < 0 ? -errno : 0;
	close(fd);
	if (err)
		return err;

	buf[len] = '\0';
	while (len && buf[len - 1] == '\n')
		buf[--len] = '\0';
	return 0;
}

int sim_write(const char *path, const char *val)
{
	size_t len = strlen(val);
	ssize_t done;
	int fd, err;

	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	done = write(fd, val, len);
	err = done < 0 ? -errno : 0;
	close(fd);
	if (!err && (size_t)done != len)
		err = -EIO;
	return err;
}

bool sim_exists(const char *path)
{
	return !access(path, F_OK);
}

/* To read what is logged from now on; an fd or -errno */
int sim_log_open(void)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (log < 0)
		return -errno;
	lseek(log, 0, SEEK_END);
	return log;
}

/*
 * Find the first line that was logged since the last call, for the function
 * @bdf, and has @text in it: @line is what follows @text. All that was logged
 * up to it has been read then.
 */
bool sim_log_find(int log, const char *bdf, const char *text, char *line,
		  size_t size)
{
	char record[2048], *msg, *found;
	ssize_t len;

	line[0] = '\0';
	for (;;) {
		len = read(log, record, sizeof(record) - 1);
		/* Records were lost: those to come are not */
		if (len < 0 && errno == EPIPE)
			continue;
		if (len <= 0)
			return false;
		record[len] = '\0';

		/* "level,number,time,flags;message\n", then more of it */
		msg = strchr(record, ';');
		if (!msg)
			continue;
		msg[strcspn(msg, "\n")] = '\0';
		found = strstr(msg, text);
		if (!found || !strstr(msg, bdf))
			continue;
		snprintf(line, size, "%s", found + strlen(text));
		return true;
	}
}

/* Is @SIM_MODULE in the list of modules of the running kernel? */
static bool module_listed(const char *list)
{
	char path[SIM_PATH], line[1024];
	struct utsname uts;
	bool found = false;
	FILE *f;

	uname(&uts);
	snprintf(path, sizeof(path), "/lib/modules/%s/%s", uts.release, list);
	f = fopen(path, "r");
	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f)) {
		line[strcspn(line, ":\n")] = '\0';
		found = strstr(line, "/" SIM_MODULE ".ko");
	}
	fclose(f);
	return found;
}

bool sim_module_builtin(void)
{
	return module_listed("modules.builtin");
}

int sim_module_load(void)
{
	return sim_module_load_with(NULL);
}

/* With a parameter on top of those that the machine is configured for */
int sim_module_load_with(const char *parameter)
{
	int status;
	pid_t pid;

	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid) {
		execlp("modprobe", "modprobe", SIM_MODULE, parameter, NULL);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -ENOEXEC;
}

/* -EAGAIN while a platform holds the module */
int sim_module_unload(void)
{
	return syscall(SYS_delete_module, SIM_MODULE, O_NONBLOCK) ? -errno : 0;
}

/* How many hold it, or -errno */
int sim_module_users(void)
{
	char users[16];
	int err;

	err = sim_read("/sys/module/" SIM_MODULE "/refcnt", users,
		       sizeof(users));
	return err ? err : atoi(users);
}

/*
 * Have the simulator ready. Returns KSFT_PASS, KSFT_SKIP if this kernel was
 * built without it, KSFT_FAIL if it has one that does not come up.
 */
int sim_require(void)
{
	if (geteuid()) {
		ksft_print_msg("must be run as root\n");
		return KSFT_FAIL;
	}

	if (sim_exists("/sys/kernel/config"))
		mount("none", "/sys/kernel/config", "configfs", 0, NULL);
	if (!sim_exists(SIM_ROOT) && module_listed("modules.dep"))
		sim_module_load();
	if (sim_exists(SIM_ROOT))
		return KSFT_PASS;

	if (module_listed("modules.dep") || sim_module_builtin()) {
		ksft_print_msg("this kernel's tsm-sim does not come up\n");
		return KSFT_FAIL;
	}
	return KSFT_SKIP;
}

typedef void (*dir_fn)(const char *path);

/* Call @fn for each directory (not link) below @path */
static void walk_dirs(const char *path, dir_fn fn)
{
	struct dirent *ent;
	DIR *dir;

	dir = opendir(path);
	if (!dir)
		return;
	while ((ent = readdir(dir))) {
		char sub[SIM_PATH + 300];
		struct stat st;

		if (ent->d_name[0] == '.')
			continue;
		snprintf(sub, sizeof(sub), "%s/%s", path, ent->d_name);
		if (!lstat(sub, &st) && S_ISDIR(st.st_mode))
			fn(sub);
	}
	closedir(dir);
}

static void sweep_device(const char *path)
{
	rmdir(path);
}

static void sweep_platform(const char *path)
{
	char live[SIM_PATH + 310];

	snprintf(live, sizeof(live), "%s/live", path);
	sim_write(live, "0");
	walk_dirs(path, sweep_device);
	rmdir(path);
}

/* Remove what a test that was killed has left behind */
void sim_sweep(void)
{
	walk_dirs(SIM_ROOT, sweep_platform);
}

static int platform_read(struct sim_platform *p, const char *attr, char *buf,
			 size_t size)
{
	char path[SIM_PATH];

	snprintf(path, sizeof(path), SIM_ROOT "/%s/%s", p->name, attr);
	return sim_read(path, buf, size);
}

int sim_platform_set(struct sim_platform *p, const char *attr, const char *val)
{
	char path[SIM_PATH];

	snprintf(path, sizeof(path), SIM_ROOT "/%s/%s", p->name, attr);
	return sim_write(path, val);
}

int sim_platform_create(struct sim_platform *p, const char *name)
{
	char path[SIM_PATH];

	memset(p, 0, sizeof(*p));
	snprintf(p->name, sizeof(p->name), "%s", name);
	snprintf(path, sizeof(path), SIM_ROOT "/%s", name);
	return mkdir(path, 0755) ? -errno : 0;
}

/* Find the host bridge through the first device that has a root port */
static int platform_find_bridge(struct sim_platform *p)
{
	char path[PATH_MAX], real[PATH_MAX], want[64];
	struct dirent *ent;
	int err = -ENOENT;
	char *slash;
	DIR *dir;

	snprintf(want, sizeof(want), "%s:00:", p->domain);
	dir = opendir(SIM_PCI);
	if (!dir)
		return -errno;
	while (err && (ent = readdir(dir))) {
		if (strncmp(ent->d_name, want, strlen(want)))
			continue;
		snprintf(path, sizeof(path), SIM_PCI "/%s", ent->d_name);
		if (!realpath(path, real))
			continue;
		slash = strrchr(real, '/');
		*slash = '\0';
		if (strlen(real) >= sizeof(p->bridge))
			continue;
		memcpy(p->bridge, real, strlen(real) + 1);
		err = 0;
	}
	closedir(dir);
	return err;
}

/*
 * Build or tear down the platform. Building learns the names of TSM and bridge;
 * sim_device_names() does it for a device.
 */
int sim_platform_live(struct sim_platform *p, bool live)
{
	char path[SIM_PATH];
	int err;

	snprintf(path, sizeof(path), SIM_ROOT "/%s/live", p->name);
	err = sim_write(path, live ? "1" : "0");
	/* What is refused changes nothing */
	if (err)
		return err;
	p->bridge[0] = '\0';
	platform_read(p, "tsm", p->tsm, sizeof(p->tsm));
	platform_read(p, "domain", p->domain, sizeof(p->domain));
	/* A platform without devices has no port to find it by */
	if (live)
		platform_find_bridge(p);
	return 0;
}

/* Learn what the TSM of a live platform is called */
int sim_platform_name(struct sim_platform *p)
{
	return platform_read(p, "tsm", p->tsm, sizeof(p->tsm));
}

/* Unregister the TSM of a live platform, or register one again */
int sim_platform_tsm(struct sim_platform *p, bool there)
{
	int err = sim_platform_set(p, "tsm", there ? "1" : "0");

	return err ?: sim_platform_name(p);
}

/* Tear down, if it is live, and remove it with its devices */
int sim_platform_destroy(struct sim_platform *p)
{
	char path[SIM_PATH], live[8];
	int err;

	snprintf(path, sizeof(path), SIM_ROOT "/%s", p->name);
	err = platform_read(p, "live", live, sizeof(live));
	if (!err && !strcmp(live, "1"))
		err = sim_platform_live(p, false);
	walk_dirs(path, sweep_device);
	if (rmdir(path) && !err)
		err = -errno;
	return err;
}

int sim_device_create(struct sim_device *d, struct sim_platform *p,
		      const char *name)
{
	char path[SIM_PATH];

	memset(d, 0, sizeof(*d));
	d->platform = p;
	snprintf(d->name, sizeof(d->name), "%s", name);
	snprintf(path, sizeof(path), SIM_ROOT "/%s/%s", p->name, name);
	return mkdir(path, 0755) ? -errno : 0;
}

int sim_device_destroy(struct sim_device *d)
{
	char path[SIM_PATH];

	snprintf(path, sizeof(path), SIM_ROOT "/%s/%s", d->platform->name,
		 d->name);
	return rmdir(path) ? -errno : 0;
}

/* Learn the PCI names of a device of a live platform */
int sim_device_names(struct sim_device *d)
{
	int err;

	err = sim_get(d, "bdf", d->bdf, sizeof(d->bdf));
	if (!err)
		err = sim_get(d, "port", d->port, sizeof(d->port));
	if (!err && (!d->bdf[0] || !d->port[0]))
		err = -ENODEV;
	return err;
}

static void device_path(char *path, size_t size, struct sim_device *d,
			const char *attr)
{
	snprintf(path, size, SIM_ROOT "/%s/%s/%s", d->platform->name, d->name,
		 attr);
}

int sim_set(struct sim_device *d, const char *attr, const char *fmt, ...)
{
	char path[SIM_PATH], val[SIM_TEXT];
	va_list args;

	va_start(args, fmt);
	vsnprintf(val, sizeof(val), fmt, args);
	va_end(args);
	device_path(path, sizeof(path), d, attr);
	return sim_write(path, val);
}

int sim_get(struct sim_device *d, const char *attr, char *buf, size_t size)
{
	char path[SIM_PATH];

	device_path(path, sizeof(path), d, attr);
	return sim_read(path, buf, size);
}

/* A counter of the device, or -errno */
long sim_count(struct sim_device *d, const char *attr)
{
	char buf[64];
	int err;

	err = sim_get(d, attr, buf, sizeof(buf));
	return err ? err : strtol(buf, NULL, 0);
}

void sim_pci_path(char *path, size_t size, const char *bdf, const char *attr)
{
	snprintf(path, size, SIM_PCI "/%s/%s", bdf, attr);
}

int sim_pci_read(const char *bdf, const char *attr, char *buf, size_t size)
{
	char path[SIM_PATH];

	sim_pci_path(path, sizeof(path), bdf, attr);
	return sim_read(path, buf, size);
}

int sim_pci_write(const char *bdf, const char *attr, const char *val)
{
	char path[SIM_PATH];

	sim_pci_path(path, sizeof(path), bdf, attr);
	return sim_write(path, val);
}

bool sim_pci_exists(const char *bdf, const char *attr)
{
	char path[SIM_PATH];

	sim_pci_path(path, sizeof(path), bdf, attr);
	return sim_exists(path);
}

/* The last component of what a link points to */
static int link_name(const char *path, char *buf, size_t size)
{
	char target[PATH_MAX];
	const char *name;
	ssize_t len;

	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return -errno;
	target[len] = '\0';
	name = strrchr(target, '/');
	snprintf(buf, size, "%s", name ? name + 1 : target);
	return 0;
}

/* Have @driver (NULL: none) bound to the function, whatever it had before */
int sim_pci_driver(const char *bdf, const char *driver)
{
	char path[SIM_PATH], bound[64];
	int err;

	sim_pci_path(path, sizeof(path), bdf, "driver");
	if (!link_name(path, bound, sizeof(bound))) {
		if (driver && !strcmp(bound, driver))
			return 0;
		err = sim_pci_write(bdf, "driver/unbind", bdf);
		if (err)
			return err;
	}
	err = sim_pci_write(bdf, "driver_override", driver ? driver : "\n");
	if (err || !driver)
		return err;
	err = sim_write("/sys/bus/pci/drivers_probe", bdf);
	if (err)
		return err;
	err = link_name(path, bound, sizeof(bound));
	if (err)
		return err;
	return strcmp(bound, driver) ? -EBUSY : 0;
}

/* Look for new devices behind the host bridge of @p */
int sim_pci_rescan(struct sim_platform *p)
{
	char path[SIM_PATH];

	snprintf(path, sizeof(path), "/sys/class/pci_bus/%s:00/rescan",
		 p->domain);
	return sim_write(path, "1");
}

/* Name of virtual function @n of @pf */
int sim_pci_vf(const char *pf, unsigned int n, char *bdf, size_t size)
{
	char path[SIM_PATH], attr[32];

	snprintf(attr, sizeof(attr), "virtfn%u", n);
	sim_pci_path(path, sizeof(path), pf, attr);
	return link_name(path, bdf, size);
}

int sim_connect(struct sim_device *d)
{
	return sim_pci_write(d->bdf, "tsm/connect", d->platform->tsm);
}

int sim_disconnect(struct sim_device *d)
{
	return sim_pci_write(d->bdf, "tsm/disconnect", d->platform->tsm);
}

/* IDE streams of the host bridge that end at @bdf; -errno if it is not there */
int sim_streams(struct sim_platform *p, const char *bdf)
{
	struct dirent *ent;
	int streams = 0;
	DIR *dir;

	dir = opendir(p->bridge);
	if (!dir)
		return -errno;
	while ((ent = readdir(dir))) {
		char path[SIM_PATH + 300], end[64];
		int hb, rp, ep;

		if (sscanf(ent->d_name, "stream%d.%d.%d", &hb, &rp, &ep) != 3)
			continue;
		snprintf(path, sizeof(path), "%s/%s", p->bridge, ent->d_name);
		if (!link_name(path, end, sizeof(end)) && !strcmp(end, bdf))
			streams++;
	}
	closedir(dir);
	return streams;
}

long sim_streams_available(struct sim_platform *p)
{
	char path[SIM_PATH + 30], buf[64];
	int err;

	snprintf(path, sizeof(path), "%s/available_secure_streams", p->bridge);
	err = sim_read(path, buf, sizeof(buf));
	return err ? err : strtol(buf, NULL, 0);
}

static void state_add(char *state, size_t size, const char *what, int err,
		      const char *val)
{
	size_t len = strlen(state);

	if (err)
		snprintf(state + len, size - len, "%s%s!%s", len ? " " : "",
			 what, strerror(-err));
	else
		snprintf(state + len, size - len, "%s%s%s", len ? " " : "",
			 what, val);
}

/*
 * All that tells whether a device is connected, in one line to compare: what
 * the kernel says (sysfs), the stream it registered, and what the simulated
 * hardware says of itself. An attribute that is not there reads as its error.
 */
const char *sim_state(struct sim_device *d)
{
	static const char * const attrs[][2] = {
		{ "connect=", "tsm/connect" },
		{ "authenticated=", "authenticated" },
		{ "dsm=", "tsm/dsm" },
		{ "bound=", "tsm/bound" },
	};
	static char state[SIM_TEXT];
	char buf[64], *space;
	size_t i;
	int ret;

	state[0] = '\0';
	for (i = 0; i < ARRAY_SIZE(attrs); i++) {
		ret = sim_pci_read(d->bdf, attrs[i][1], buf, sizeof(buf));
		state_add(state, sizeof(state), attrs[i][0], ret, buf);
	}

	ret = sim_get(d, "ide_state", buf, sizeof(buf));
	space = strchr(buf, ' ');
	if (space)
		*space = '/';
	state_add(state, sizeof(state), "ide=", ret, buf);

	ret = sim_streams(d->platform, d->bdf);
	snprintf(buf, sizeof(buf), "%d", ret);
	state_add(state, sizeof(state), "streams=", ret < 0 ? ret : 0, buf);

	ret = sim_get(d, "sessions", buf, sizeof(buf));
	state_add(state, sizeof(state), "sessions=", ret, buf);
	return state;
}

/* What sim_state() is to say of @d once it is connected */
const char *sim_state_connected(struct sim_device *d)
{
	static char state[SIM_TEXT];

	snprintf(state, sizeof(state),
		 "connect=%s authenticated=%s dsm=%s bound= ide=secure/secure streams=1 sessions=1",
		 d->platform->tsm, d->platform->tsm, d->bdf);
	return state;
}

/* A gate holds back the jobs that were started with it until it opens */
int sim_gate(int fds[2])
{
	return pipe(fds) ? -errno : 0;
}

void sim_gate_open(int fds[2])
{
	close(fds[0]);
	close(fds[1]);
}

int sim_job_write(struct sim_job *job, const int *gate, const char *path,
		  const char *val)
{
	pid_t pid;
	char c;

	fflush(stdout);
	fflush(stderr);
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid) {
		if (gate) {
			close(gate[1]);
			while (read(gate[0], &c, 1) < 0 && errno == EINTR)
				;
		}
		/* errnos of the kernel fit into an exit status */
		_exit(-sim_write(path, val));
	}

	job->pid = pid;
	job->started_ms = sim_now_ms();
	job->pidfd = syscall(SYS_pidfd_open, pid, 0);
	return job->pidfd < 0 ? -errno : 0;
}

int sim_job_connect(struct sim_job *job, const int *gate, struct sim_device *d)
{
	char path[SIM_PATH];

	sim_pci_path(path, sizeof(path), d->bdf, "tsm/connect");
	return sim_job_write(job, gate, path, d->platform->tsm);
}

int sim_job_disconnect(struct sim_job *job, const int *gate,
		       struct sim_device *d)
{
	char path[SIM_PATH];

	sim_pci_path(path, sizeof(path), d->bdf, "tsm/disconnect");
	return sim_job_write(job, gate, path, d->platform->tsm);
}

static bool job_ended(struct sim_job *job, int timeout_ms)
{
	struct pollfd p = { .fd = job->pidfd, .events = POLLIN };

	return poll(&p, 1, timeout_ms) == 1;
}

bool sim_job_running(struct sim_job *job)
{
	return job->pid && !job_ended(job, 0);
}

/*
 * Result of the job's write: 0, -errno, SIM_JOB_KILLED if a signal ended it, or
 * SIM_JOB_RUNNING if it did not end within @timeout_ms.
 */
int sim_job_wait(struct sim_job *job, unsigned int timeout_ms)
{
	int status;

	if (!job_ended(job, timeout_ms))
		return SIM_JOB_RUNNING;
	if (waitpid(job->pid, &status, 0) < 0)
		return -errno;
	close(job->pidfd);
	job->pid = 0;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : SIM_JOB_KILLED;
}

void sim_job_kill(struct sim_job *job)
{
	kill(job->pid, SIGKILL);
}

/*
 * Wait until the device has seen @messages more than @before: its conversation
 * is under way.
 */
bool sim_conversing(struct sim_device *d, long before, long messages,
		    unsigned int timeout_ms)
{
	return sim_wait(sim_count(d, "messages") >= before + messages,
			timeout_ms);
}
