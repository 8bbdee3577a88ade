//! Record ids: 15 case-sensitive characters, and three more that make them safe where case is lost.

/// In ASCII order, so that ids sort by age.
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const CHECK: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";

/// The id of the `number`-th record of a key prefix, 18 characters.
pub(crate) fn mint(key_prefix: &str, mut number: u64) -> String {
    let mut digits = [b'0'; 9];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[usize::try_from(number % 62).unwrap_or_default()];
        number /= 62;
    }
    let digits: String = digits.iter().map(|digit| char::from(*digit)).collect();
    let short = format!("{key_prefix}xxs{digits}");
    format!("{short}{}", checksum(&short))
}

/// The 18-character form of an id in either form; `None` for what is no id.
pub(crate) fn long(id: &str) -> Option<String> {
    let alphanumeric = id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match id.len() {
        15 if alphanumeric => Some(format!("{id}{}", checksum(id))),
        18 if alphanumeric => Some(id.to_owned()),
        _ => None,
    }
}

/// One character for five, with a bit for each capital.
fn checksum(id: &str) -> String {
    id.as_bytes()
        .chunks(5)
        .map(|five| {
            let bits = five.iter().enumerate().filter(|(_, byte)| byte.is_ascii_uppercase());
            char::from(CHECK[bits.fold(0, |sum, (at, _)| sum | (1 << at))])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_long_form_matches_the_vectors_of_the_reference() {
        for (short, expected) in [
            ("00Dxx0000001gER", "00Dxx0000001gEREAY"),
            ("005xx000001SwiU", "005xx000001SwiUAAS"),
            ("001xx000003DGb2", "001xx000003DGb2AAG"),
        ] {
            assert_eq!(long(short).as_deref(), Some(expected));
            assert_eq!(long(expected).as_deref(), Some(expected));
        }
        assert_eq!(long("001xx000003DGb"), None);
        assert_eq!(long("001xx000003DG-2"), None);
    }

    #[test]
    fn minted_ids_sort_by_age() {
        let ids: Vec<_> = (0..5000).map(|number| mint("001", number)).collect();

        assert!(ids.is_sorted());
        assert!(ids.iter().all(|id| id.len() == 18 && id.starts_with("001")));
    }
}
