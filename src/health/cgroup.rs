//! Control groups: what a container, a pod or a service may use of its machine.
//!
//! Formats: `Documentation/admin-guide/cgroup-v2.rst` and `cgroup-v1/` of the kernel. A limit of any group around ours holds for us.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often a CPU quota was used up, since the group was made.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Throttled {
    /// Periods of the quota, usually of 100 ms, in which the group wanted to run.
    pub periods: u64,
    /// Those in which it had to stop before their end.
    pub throttled: u64,
    /// How long it had to, over all CPUs.
    pub time: Duration,
}

impl Throttled {
    pub fn since(&self, before: &Throttled) -> Throttled {
        Throttled {
            periods: self.periods.saturating_sub(before.periods),
            throttled: self.throttled.saturating_sub(before.throttled),
            time: self.time.saturating_sub(before.time),
        }
    }
}

/// The groups around this process, its own first.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    cpu: Vec<PathBuf>,
    memory: Vec<PathBuf>,
}

impl Groups {
    /// From the contents of `/proc/self/cgroup` and `/proc/self/mountinfo`.
    pub fn find(cgroup: &str, mountinfo: &str) -> Groups {
        Groups { cpu: chain(cgroup, mountinfo, "cpu"), memory: chain(cgroup, mountinfo, "memory") }
    }

    /// Only those with a quota: no other can hold us back.
    pub fn with_quota(mut self) -> Groups {
        self.cpu.retain(|folder| quota(folder).is_some());
        self
    }

    /// In cores; the tightest.
    pub fn cpu_quota(&self) -> Option<f64> {
        self.cpu.iter().filter_map(|folder| quota(folder)).reduce(f64::min)
    }

    /// In bytes; the tightest.
    pub fn memory_limit(&self) -> Option<u64> {
        self.memory.iter().filter_map(|folder| memory_limit(folder)).min()
    }

    /// Of the group that was held back most.
    pub fn throttled(&self) -> Option<Throttled> {
        let stat = |folder: &PathBuf| throttled(&read(folder, "cpu.stat")?);
        self.cpu.iter().filter_map(stat).max_by_key(|found| found.throttled)
    }
}

fn read(folder: &Path, file: &str) -> Option<String> {
    std::fs::read_to_string(folder.join(file)).ok()
}

/// Our group's folder for a controller and the folders around it, up to where the hierarchy is mounted.
fn chain(cgroup: &str, mountinfo: &str, controller: &str) -> Vec<PathBuf> {
    // Where both versions are mounted, a controller belongs to one of them, and version 1 names those that it has.
    let found = place(cgroup, mountinfo, Some(controller)).or_else(|| place(cgroup, mountinfo, None));
    let Some((own, top)) = found else { return Vec::new() };
    own.ancestors().take_while(|folder| folder.starts_with(&top)).map(Path::to_owned).collect()
}

/// Our folder and the mount point around it; version 2 for no controller.
fn place(cgroup: &str, mountinfo: &str, controller: Option<&str>) -> Option<(PathBuf, PathBuf)> {
    let path = cgroup.lines().find_map(|line| group_path(line, controller))?;
    let (root, top) = mountinfo.lines().find_map(|line| mount(line, controller))?;
    // A container may see its path on the machine and only its own group mounted, or a path that leads out of what it sees.
    let below = Path::new(path).strip_prefix(root).unwrap_or(Path::new(""));
    let below = if below.components().any(|part| part.as_os_str() == "..") { Path::new("") } else { below };
    Some((Path::new(top).join(below), PathBuf::from(top)))
}

/// The path in a line such as `4:cpu,cpuacct:/path` (version 1) or `0::/path` (version 2).
fn group_path<'t>(line: &'t str, controller: Option<&str>) -> Option<&'t str> {
    let mut parts = line.splitn(3, ':');
    let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
    let is_it = match controller {
        Some(wanted) => controllers.split(',').any(|known| known == wanted),
        None => controllers.is_empty(),
    };
    is_it.then_some(path)
}

/// Root and mount point in a line of `mountinfo`, where it is the hierarchy of the controller.
fn mount<'t>(line: &'t str, controller: Option<&str>) -> Option<(&'t str, &'t str)> {
    let (where_, what) = line.split_once(" - ")?;
    let mut fields = where_.split(' ').skip(3);
    let (root, top) = (fields.next()?, fields.next()?);
    let (kind, rest) = what.split_once(' ')?;
    let is_it = match controller {
        Some(wanted) => kind == "cgroup" && rest.rsplit(' ').next()?.split(',').any(|option| option == wanted),
        None => kind == "cgroup2",
    };
    is_it.then_some((root, top))
}

fn quota(folder: &Path) -> Option<f64> {
    let number = |file: &str| read(folder, file)?.trim().parse::<f64>().ok();
    let (quota, period) = match read(folder, "cpu.max") {
        Some(text) => {
            let (quota, period) = text.trim().split_once(' ')?;
            (quota.parse().ok()?, period.parse().ok()?)
        }
        None => (number("cpu.cfs_quota_us")?, number("cpu.cfs_period_us")?),
    };
    // Without one it says `max` in version 2 and -1 in version 1.
    (quota > 0.0 && period > 0.0).then(|| quota / period)
}

fn memory_limit(folder: &Path) -> Option<u64> {
    let text = read(folder, "memory.max").or_else(|| read(folder, "memory.limit_in_bytes"))?;
    text.trim().parse().ok()
}

/// `cpu.stat` of either version.
fn throttled(stat: &str) -> Option<Throttled> {
    let value = |key: &str| -> Option<u64> {
        let line = |line: &str| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok();
        stat.lines().find_map(line)
    };
    let micros = value("throttled_usec").map(Duration::from_micros);
    let time = micros.or_else(|| value("throttled_time").map(Duration::from_nanos))?;
    Some(Throttled { periods: value("nr_periods")?, throttled: value("nr_throttled")?, time })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n\
        32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct\n\
        41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";

    #[test]
    fn our_groups_are_found_in_both_versions() {
        let check = |cgroup: &str, mountinfo: &str, expected: &[&str]| {
            let expected: Vec<PathBuf> = expected.iter().map(PathBuf::from).collect();
            assert_eq!(chain(cgroup, mountinfo, "cpu"), expected, "{cgroup}");
        };
        let unified = "29 22 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
        check("0::/\n", unified, &["/sys/fs/cgroup"]);
        check("0::/a/b\n", unified, &["/sys/fs/cgroup/a/b", "/sys/fs/cgroup/a", "/sys/fs/cgroup"]);
        check("0::/../../other\n", unified, &["/sys/fs/cgroup"]);
        check("2:cpuacct,cpu:/a\n0::/b\n", HYBRID, &["/sys/fs/cgroup/cpu/a", "/sys/fs/cgroup/cpu"]);
        check("0::/b\n", HYBRID, &["/sys/fs/cgroup/unified/b", "/sys/fs/cgroup/unified"]);
        let container = "32 31 0:29 /docker/1f /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n";
        check("1:cpu:/docker/1f\n", container, &["/sys/fs/cgroup/cpu"]);
        check("1:cpu:/docker/1f/x\n", container, &["/sys/fs/cgroup/cpu/x", "/sys/fs/cgroup/cpu"]);
        check("3:memory:/\n", HYBRID, &[]);
        check("", "", &[]);
    }

    /// Limits of a group with these files, in a group without any.
    fn limits(files: &[(&str, &str)]) -> (Option<f64>, Option<u64>) {
        let top = tempfile::tempdir().expect("a folder");
        let own = top.path().join("own");
        std::fs::create_dir(&own).expect("a folder");
        files.iter().for_each(|(name, text)| std::fs::write(own.join(name), text).expect("a file"));
        let folders = vec![own, top.path().to_owned()];
        let groups = Groups { cpu: folders.clone(), memory: folders };
        assert_eq!(groups.clone().with_quota().cpu_quota(), groups.cpu_quota());
        (groups.cpu_quota(), groups.memory_limit())
    }

    #[test]
    fn limits_are_read_in_both_versions() {
        let check = |files: &[(&str, &str)], expected| assert_eq!(limits(files), expected, "{files:?}");
        check(&[], (None, None));
        check(&[("cpu.max", "max 100000\n"), ("memory.max", "max\n")], (None, None));
        check(&[("cpu.max", "50000 100000\n"), ("memory.max", "1048576\n")], (Some(0.5), Some(1_048_576)));
        check(&[("cpu.cfs_quota_us", "-1\n"), ("cpu.cfs_period_us", "100000\n")], (None, None));
        check(&[("cpu.cfs_quota_us", "250000\n"), ("cpu.cfs_period_us", "100000\n")], (Some(2.5), None));
        check(&[("memory.limit_in_bytes", "4096\n")], (None, Some(4096)));
    }

    #[test]
    fn what_a_quota_held_back_is_read_in_both_versions() {
        let check = |stat: &str, expected: Option<(u64, u64, u64)>| {
            let found = throttled(stat).map(|found| (found.periods, found.throttled, found.time.as_millis() as u64));
            assert_eq!(found, expected, "{stat}");
        };
        check("usage_usec 9\nnr_periods 40\nnr_throttled 12\nthrottled_usec 300000\n", Some((40, 12, 300)));
        check("nr_periods 40\nnr_throttled 12\nthrottled_time 300000000\n", Some((40, 12, 300)));
        check("usage_usec 9\nuser_usec 9\n", None);
        check("", None);
    }
}
