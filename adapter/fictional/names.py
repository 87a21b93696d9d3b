"""The names of Alder County: invented combinations of common given and family names, accents included.

Every person built from these lists is fictional. The lists are plain data; their order is part of the seed
(moving a name gives other people for the same seed).
"""

from __future__ import annotations

# fmt: off
MALE: tuple[str, ...] = (
    "Aaron", "Abel", "Adrián", "Alan", "Alejandro", "Amos", "André", "Andrew", "Ángel", "Anthony", "Arturo",
    "Austin", "Benjamin", "Bernard", "Björn", "Brandon", "Brian", "Bruce", "Caleb", "Calvin", "Carlos",
    "Casey", "Cedric", "César", "Charles", "Christopher", "Clarence", "Cody", "Curtis", "Damián", "Daniel",
    "Darnell", "David", "Dennis", "Derek", "Diego", "Donald", "Douglas", "Dustin", "Edward", "Eli", "Emilio",
    "Enrique", "Eric", "Esteban", "Ethan", "Felipe", "Francisco", "François", "Frank", "Gabriel", "Gary",
    "George", "Gerald", "Gregory", "Héctor", "Henry", "Hugo", "Ian", "Isaac", "Iván", "Jack", "Jacob",
    "Jamal", "James", "Jason", "Javier", "Jeffrey", "Jeremy", "Jesús", "Joaquín", "Joel", "Jonathan", "José",
    "Joseph", "Joshua", "Julián", "Justin", "Keith", "Kenneth", "Kevin", "Kyle", "Lamar", "Lawrence",
    "Leonard", "Leroy", "Lorenzo", "Luis", "Marcus", "Mario", "Martín", "Matthew", "Michael", "Miguel",
    "Nathan", "Nicolás", "Noah", "Omar", "Óscar", "Patrick", "Paul", "Pedro", "Peter", "Philip", "Rafael",
    "Ramón", "Raymond", "Reginald", "Richard", "Robert", "Roland", "Samuel", "Sergio", "Stephen", "Terrence",
    "Thomas", "Timothy", "Tyrone", "Vincent", "William",
)
FEMALE: tuple[str, ...] = (
    "Abigail", "Adriana", "Alicia", "Amanda", "Amber", "Andrea", "Angela", "Anita", "Ashley", "Beatriz",
    "Bethany", "Brenda", "Brittany", "Camila", "Carmen", "Catherine", "Chloé", "Christina", "Claudia",
    "Crystal", "Danielle", "Deborah", "Denise", "Diana", "Dolores", "Dorothy", "Elena", "Elizabeth", "Emily",
    "Erica", "Esperanza", "Estefanía", "Eva", "Felicia", "Florence", "Gabriela", "Gloria", "Hannah",
    "Heather", "Inés", "Irene", "Jacqueline", "Janet", "Jasmine", "Jessica", "Joy", "Kayla", "Keisha",
    "Kimberly", "Latoya", "Laura", "Leticia", "Lucía", "Margaret", "María", "Megan", "Melissa", "Mercedes",
    "Michelle", "Mónica", "Nancy", "Natalie", "Nicole", "Olivia", "Patricia", "Paula", "Rachel", "Rebecca",
    "Renée", "Rosa", "Samantha", "Sarah", "Sofía", "Stephanie", "Tamara", "Teresa", "Valeria", "Vanessa",
    "Yolanda", "Zoë",
)
LAST: tuple[str, ...] = (
    "Abbott", "Acevedo", "Acosta", "Adams", "Aguilar", "Alexander", "Allen", "Alvarado", "Álvarez",
    "Anderson", "Andrews", "Aragón", "Archer", "Archuleta", "Armstrong", "Arnold", "Atencio", "Austin",
    "Avery", "Baca", "Bailey", "Baker", "Baldwin", "Ballard", "Barnes", "Barrett", "Beck", "Begay", "Bell",
    "Benally", "Bennett", "Benson", "Bishop", "Black", "Blackwell", "Blair", "Boone", "Bowen", "Bowman",
    "Boyd", "Bradley", "Brooks", "Brown", "Bryant", "Burke", "Burns", "Bustamante", "Byrd", "Cabrera",
    "Calderón", "Campbell", "Cárdenas", "Carlson", "Carpenter", "Carroll", "Carter", "Castañeda", "Castillo",
    "Castro", "Chandler", "Chapman", "Chávez", "Chen", "Christensen", "Clark", "Clayton", "Cobb", "Cohen",
    "Coleman", "Collins", "Contreras", "Cooper", "Córdova", "Cortez", "Crawford", "Cruz", "Cunningham",
    "Curry", "Daniels", "Davidson", "Dawson", "Delgado", "Díaz", "Dixon", "Domínguez", "Doyle", "Duncan",
    "Durán", "Eaton", "Edwards", "Elliott", "Ellis", "Espinoza", "Estrada", "Evans", "Farmer", "Ferguson",
    "Fernández", "Fields", "Figueroa", "Fisher", "Fleming", "Fletcher", "Flores", "Ford", "Foster", "Fowler",
    "Franklin", "Frazier", "Freeman", "Fuentes", "Gallagher", "Gallegos", "Garcia", "Gardner", "Garner",
    "Garrison", "Gibson", "Gilbert", "Gómez", "Gonzales", "González", "Goodwin", "Gordon", "Graham", "Grant",
    "Graves", "Greene", "Griego", "Griffin", "Guerrero", "Gutiérrez", "Hale", "Hamilton", "Hansen",
    "Harding", "Harmon", "Harper", "Harrington", "Harris", "Hart", "Hawkins", "Hayes", "Henderson",
    "Hernández", "Herrera", "Hicks", "Hoffman", "Holland", "Holmes", "Howard", "Hubbard", "Hudson", "Hughes",
    "Hunt", "Ibáñez", "Ingram", "Jacobs", "Jaramillo", "Jefferson", "Jenkins", "Jennings", "Jensen",
    "Jiménez", "Johnston", "Jordan", "Joseph", "Keller", "Kelley", "Kim", "King", "Klein", "Knight",
    "Lambert", "Larson", "Lawson", "Le", "Leyba", "Lindsey", "Little", "Logan", "López", "Lovato", "Lozano",
    "Lucero", "Luján", "Lynch", "Lyons", "Maestas", "Maldonado", "Mann", "Marquez", "Marsh", "Martínez",
    "Mason", "Maxwell", "McBride", "McCarthy", "McCoy", "McDonald", "McKinney", "Medina", "Mejía", "Méndez",
    "Meyer", "Miles", "Miller", "Mitchell", "Montoya", "Moody", "Morales", "Moreno", "Morgan", "Muñoz",
    "Murphy", "Naranjo", "Newton", "Nguyen", "Nichols", "Norris", "Núñez", "O'Brien", "O'Connor", "Ochoa",
    "Olivas", "Olson", "Ortega", "Ortiz", "Owens", "Pacheco", "Padilla", "Palmer", "Parker", "Parsons",
    "Patel", "Peña", "Pérez", "Perkins", "Peterson", "Phillips", "Pierce", "Porter", "Powell", "Price",
    "Quintana", "Ramírez", "Ramos", "Reed", "Reyes", "Reynolds", "Rhodes", "Richards", "Ríos", "Rivera",
    "Robbins", "Roberts", "Rodríguez", "Rogers", "Romero", "Rosales", "Rowe", "Ruiz", "Russell", "Saiz",
    "Salazar", "Sánchez", "Sanders", "Sandoval", "Santiago", "Schultz", "Sedillo", "Serrano", "Shaw",
    "Shelton", "Silva", "Simmons", "Singh", "Solís", "Soto", "Spencer", "Stanley", "Steele", "Stewart",
    "Suárez", "Sullivan", "Tafoya", "Tapia", "Taylor", "Tenorio", "Thornton", "Torres", "Trujillo", "Tsosie",
    "Tucker", "Valdez", "Vance", "Vargas", "Vásquez", "Vega", "Vigil", "Wagner", "Walker", "Wallace",
    "Walton", "Ware", "Watkins", "Weaver", "Webster", "Wheeler", "Whitaker", "Wilkins", "Yazzie", "Young",
    "Yu", "Zamora", "Zúñiga",
)
# fmt: on

SUFFIXES: tuple[str, ...] = ("Jr", "Sr", "II", "III", "IV")

NICKNAMES: dict[str, str] = {
    "Abigail": "Abby",
    "Alejandro": "Alex",
    "Andrew": "Andy",
    "Anthony": "Tony",
    "Benjamin": "Ben",
    "Catherine": "Kate",
    "Charles": "Chuck",
    "Christina": "Tina",
    "Christopher": "Chris",
    "Daniel": "Danny",
    "David": "Dave",
    "Deborah": "Debbie",
    "Edward": "Eddie",
    "Elizabeth": "Liz",
    "Francisco": "Paco",
    "Gregory": "Greg",
    "Jacqueline": "Jackie",
    "James": "Jim",
    "Jonathan": "Jon",
    "José": "Pepe",
    "Joseph": "Joe",
    "Joshua": "Josh",
    "Kenneth": "Ken",
    "Lawrence": "Larry",
    "Margaret": "Peggy",
    "Matthew": "Matt",
    "Michael": "Mike",
    "Patricia": "Patty",
    "Rebecca": "Becky",
    "Richard": "Rick",
    "Robert": "Bobby",
    "Samantha": "Sam",
    "Samuel": "Sam",
    "Stephanie": "Steph",
    "Stephen": "Steve",
    "Teresa": "Terry",
    "Thomas": "Tom",
    "Timothy": "Tim",
    "William": "Bill",
}
"""Everyday short forms that a person may give at booking instead of the name on file."""

STREETS: tuple[str, ...] = (
    "Alder",
    "Birch",
    "Cottonwood",
    "Juniper",
    "Mesa",
    "Piñon",
    "Quarry",
    "Railroad",
    "Willow",
)
"""Streets of the county seat."""
