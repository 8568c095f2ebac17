//! Ages as kubectl prints them.

use jiff::Timestamp;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const YEAR: i64 = 365 * DAY;

/// How old something made at `created` is at `now`, as apimachinery's `duration.HumanDuration` has it.
/// `<unknown>` without a date; `<invalid>` for one more than a second ahead.
pub fn age(created: Option<Timestamp>, now: Timestamp) -> String {
    let Some(created) = created else {
        return "<unknown>".to_owned();
    };
    let seconds = now.as_second() - created.as_second();
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1..0 => "0s".to_owned(),
        _ => human(seconds),
    }
}

fn human(seconds: i64) -> String {
    let two = |big: (i64, &str), small: (i64, &str)| {
        let (first, second) = (seconds / big.0, seconds % big.0 / small.0);
        if second == 0 {
            format!("{first}{}", big.1)
        } else {
            format!("{first}{}{second}{}", big.1, small.1)
        }
    };
    let one = |unit: i64, name: &str| format!("{}{name}", seconds / unit);
    if seconds < 2 * MINUTE {
        one(1, "s")
    } else if seconds < 10 * MINUTE {
        two((MINUTE, "m"), (1, "s"))
    } else if seconds < 3 * HOUR {
        one(MINUTE, "m")
    } else if seconds < 8 * HOUR {
        two((HOUR, "h"), (MINUTE, "m"))
    } else if seconds < 2 * DAY {
        one(HOUR, "h")
    } else if seconds < 8 * DAY {
        two((DAY, "d"), (HOUR, "h"))
    } else if seconds < 2 * YEAR {
        one(DAY, "d")
    } else if seconds < 8 * YEAR {
        two((YEAR, "y"), (DAY, "d"))
    } else {
        one(YEAR, "y")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_kubectl_rounds() {
        for (seconds, expected) in [
            (-5, "<invalid>"),
            (-1, "0s"),
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (330, "5m30s"),
            (45 * MINUTE, "45m"),
            (7 * HOUR + 5 * MINUTE, "7h5m"),
            (30 * HOUR, "30h"),
            (3 * DAY + 4 * HOUR, "3d4h"),
            (3 * DAY, "3d"),
            (400 * DAY, "400d"),
            (3 * YEAR + 10 * DAY, "3y10d"),
            (9 * YEAR + 300 * DAY, "9y"),
        ] {
            let now = Timestamp::from_second(2_000_000_000).unwrap();
            let created = Timestamp::from_second(2_000_000_000 - seconds).unwrap();
            assert_eq!(age(Some(created), now), expected, "{seconds}");
        }
        assert_eq!(age(None, Timestamp::UNIX_EPOCH), "<unknown>");
    }
}
