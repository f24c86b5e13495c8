//! Avro binary encoding of the record [CO-1]: fields as slices of the input, values unchecked.

use crate::{Error, Wcs};

/// More items of an array than any valid stamp has; further ones are counted, not kept.
const MAX_ITEMS: usize = 16;

/// An Avro array: the number of its items and the bytes of the first of them.
#[derive(Default)]
pub struct Items<'a> {
    pub count: usize,
    pub kept: Vec<&'a [u8]>,
}

pub struct Record<'a> {
    pub version: i32,
    pub levels: i32,
    pub id: Option<&'a [u8]>,
    pub band: Option<&'a [u8]>,
    pub flux_unit: &'a [u8],
    pub dx: f32,
    pub dy: f32,
    pub wcs: Option<Wcs>,
    pub image: Image<'a>,
    pub variance: Option<Variance<'a>>,
    pub mask: Option<Mask<'a>>,
    pub psf: Option<Psf<'a>>,
}

pub struct Image<'a> {
    pub encoding: &'a [u8],
    pub zero: Items<'a>,
    pub scale: Items<'a>,
    pub data: &'a [u8],
}

pub struct Variance<'a> {
    pub encoding: &'a [u8],
    pub unit: f32,
    pub data: &'a [u8],
}

pub struct Mask<'a> {
    pub encoding: &'a [u8],
    pub planes: Items<'a>,
    pub data: &'a [u8],
}

pub struct Psf<'a> {
    pub encoding: &'a [u8],
    pub size: i32,
    pub data: &'a [u8],
}

impl<'a> Record<'a> {
    pub fn read(f: &mut Fields<'a>) -> Result<Self, Error> {
        Ok(Record {
            version: f.int()?,
            levels: f.int()?,
            id: f.optional(Fields::bytes)?,
            band: f.optional(Fields::bytes)?,
            flux_unit: f.bytes()?,
            dx: f.float()?,
            dy: f.float()?,
            wcs: f.optional(|f| {
                Ok(Wcs {
                    ra: f.double()?,
                    dec: f.double()?,
                    cd: [f.float()?, f.float()?, f.float()?, f.float()?],
                })
            })?,
            image: Image {
                encoding: f.bytes()?,
                zero: f.array(|f| f.take(4))?,
                scale: f.array(|f| f.take(4))?,
                data: f.bytes()?,
            },
            variance: f.optional(|f| {
                Ok(Variance { encoding: f.bytes()?, unit: f.float()?, data: f.bytes()? })
            })?,
            mask: f.optional(|f| {
                Ok(Mask { encoding: f.bytes()?, planes: f.array(Fields::bytes)?, data: f.bytes()? })
            })?,
            psf: f
                .optional(|f| Ok(Psf { encoding: f.bytes()?, size: f.int()?, data: f.bytes()? }))?,
        })
    }
}

/// The bytes that remain. Every error is [`Error::Avro`].
pub struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Fields(bytes)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Error> {
        if count > self.0.len() {
            return Err(Error::Avro);
        }
        let (head, tail) = self.0.split_at(count);
        self.0 = tail;
        Ok(head)
    }

    fn array_of<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        self.take(N)?.try_into().map_err(|_| Error::Avro)
    }

    fn float(&mut self) -> Result<f32, Error> {
        Ok(f32::from_le_bytes(self.array_of()?))
    }

    fn double(&mut self) -> Result<f64, Error> {
        Ok(f64::from_le_bytes(self.array_of()?))
    }

    pub fn long(&mut self) -> Result<i64, Error> {
        let mut value = 0u64;
        for i in 0..10 {
            let [byte] = self.array_of()?;
            // The tenth byte has room for bit 63 alone, and no byte follows it.
            if i == 9 && byte > 1 {
                return Err(Error::Avro);
            }
            value |= u64::from(byte & 0x7F) << (7 * i);
            if byte < 0x80 {
                let half = (value >> 1) as i64;
                return Ok(if value & 1 == 0 { half } else { !half });
            }
        }
        Err(Error::Avro)
    }

    fn int(&mut self) -> Result<i32, Error> {
        self.long()?.try_into().map_err(|_| Error::Avro)
    }

    fn bytes(&mut self) -> Result<&'a [u8], Error> {
        let length = self.long()?.try_into().map_err(|_| Error::Avro)?;
        self.take(length)
    }

    fn optional<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        match self.long()? {
            0 => Ok(None),
            1 => read(self).map(Some),
            _ => Err(Error::Avro),
        }
    }

    fn array(
        &mut self,
        read: impl Fn(&mut Self) -> Result<&'a [u8], Error>,
    ) -> Result<Items<'a>, Error> {
        let mut items = Items::default();
        loop {
            let count = self.long()?;
            if count == 0 {
                return Ok(items);
            }
            let size = if count < 0 { Some(self.long()?) } else { None };
            let before = self.0.len();
            if count.unsigned_abs() > before as u64 {
                return Err(Error::Avro);
            }
            for _ in 0..count.unsigned_abs() {
                let item = read(self)?;
                if items.kept.len() < MAX_ITEMS {
                    items.kept.push(item);
                }
                items.count += 1;
            }
            let used = (before - self.0.len()) as i64;
            if size.is_some_and(|size| size != used) {
                return Err(Error::Avro);
            }
        }
    }
}
